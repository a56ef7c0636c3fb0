/** Runs every benchmark, or those whose names are given, one after the other. Each prints one JSON line. */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** What a benchmark reports. `ratio` is its result over its baseline, taken in the same run; below 1 is better. */
export interface BenchmarkResult {
  benchmark: string;
  /** What the ratio compares. */
  compares: string;
  ratio: number;
  details: Record<string, unknown>;
}

// What benchmarks load reports to nobody, as what floormesh loads does not (inference/child/environment.ts).
process.env['ORT_DISABLE_TELEMETRY'] = '1';
const wanted = process.argv.slice(2);
const names = (await readdir(FOLDER))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .filter((name) => wanted.length === 0 || wanted.includes(name));
if (names.length === 0) throw new TypeError(`no benchmark is called ${wanted.join(' or ')}`);
for (const name of names) {
  const { run } = (await import(`./${name}.bench.ts`)) as {
    run: () => Promise<Omit<BenchmarkResult, 'benchmark'>>;
  };
  console.log(JSON.stringify({ benchmark: name, ...(await run()) }));
}
