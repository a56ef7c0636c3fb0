/**
 * Models rebuilt on this machine by measurement, and the chosen builds held against the originals in plain ONNX Runtime:
 * one thread, in turns, accuracy on data that nobody saw before. `FLOORMESH_BENCH_CASES` names the cases to run,
 * `FLOORMESH_BENCH_OBJECTIVES` the objectives (`latency,size`), each separated by commas.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Objective } from '../core/index.ts';
import { cases } from './rebuild/cases/index.ts';
import { type CaseResult, runCase, writeCase } from './rebuild/run-case.ts';
import type { BenchmarkResult } from './run.ts';

export async function run(): Promise<Omit<BenchmarkResult, 'benchmark'>> {
  const names = listOf('FLOORMESH_BENCH_CASES');
  const objectives = (listOf('FLOORMESH_BENCH_OBJECTIVES') ?? ['latency', 'size']) as Objective[];
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-rebuild-'));
  const results: CaseResult[] = [];
  const failed: { case: string; problem: string }[] = [];
  try {
    for (const wanted of cases.filter(({ name }) => names?.includes(name) ?? true)) {
      try {
        const ready = await writeCase(wanted, join(dir, wanted.name));
        for (const objective of objectives) {
          const result = await runCase(wanted, ready, {
            objective,
            cacheDir: join(dir, wanted.name, 'cache'),
          });
          console.error(lineOf(result));
          results.push(result);
        }
      } catch (error) {
        console.error(`${wanted.name}: ${String(error)}`);
        failed.push({ case: wanted.name, problem: String(error) });
      }
      await rm(join(dir, wanted.name), { recursive: true, force: true });
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const ratios = results
    .filter(({ objective }) => objective === 'latency')
    .map(({ latency }) => latency.median);
  return {
    compares:
      'time of one run of the chosen build to the original in plain onnxruntime-node (geometric mean)',
    ratio: Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / Math.max(1, ratios.length)),
    details: { missed: results.flatMap(missedBy), failed, results },
  };
}

function listOf(variable: string): string[] | undefined {
  const value = process.env[variable];
  return value === undefined || value === '' ? undefined : value.split(',').map((name) => name.trim());
}

/** A line for whoever waits. */
function lineOf(result: CaseResult): string {
  const { latency, size, accuracy, chosen, objective, rebuildSeconds, peakMemoryMiB } = result;
  const missed = missedBy(result);
  return [
    `${result.case} (${objective}): ${chosen}`,
    `${latency.median.toFixed(2)}x the time (${latency.low.toFixed(2)} to ${latency.high.toFixed(2)}; ${latency.originalMs.toFixed(2)} ms before)`,
    `${size.toFixed(3)}x the size`,
    `${accuracy.metric} ${accuracy.original.toFixed(4)} to ${accuracy.build.toFixed(4)}`,
    ...(result.endToEnd === undefined ? [] : [result.endToEnd.says]),
    `rebuilt in ${rebuildSeconds.toFixed(0)} s with ${peakMemoryMiB} MiB at most`,
    missed.length === 0 ? 'all targets met' : `MISSED ${missed.join('; ')}`,
  ].join(', ');
}

function missedBy(result: CaseResult): string[] {
  return Object.entries(result.targets)
    .filter(([, { met }]) => !met)
    .map(([what, { target }]) => `${result.case} (${result.objective}): ${what} ${target}`);
}
