/**
 * Turns the JSON lines of the rebuild benchmarks into the tables of docs/rebuild.md:
 *
 *     node benchmarks/run.ts rebuild rebuild-classes | node benchmarks/rebuild/table.ts
 */
import { createInterface } from 'node:readline';
import type { ClassResult } from '../rebuild-classes.bench.ts';
import type { BenchmarkResult } from '../run.ts';
import type { CaseResult } from './run-case.ts';

const NONE = '–';

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.startsWith('{')) continue;
  const { benchmark, details } = JSON.parse(line) as BenchmarkResult;
  if (benchmark === 'rebuild') console.log(caseTable(details['results'] as CaseResult[]));
  if (benchmark === 'rebuild-classes') console.log(classTable(details['results'] as ClassResult[]));
}

function caseTable(results: readonly CaseResult[]): string {
  const rows = results
    .filter(({ objective }) => objective === 'latency')
    .map((result) => {
      const { latency, size, accuracy, targets, rebuildSeconds, peakMemoryMiB } = result;
      const smallest = results.find((other) => other.case === result.case && other.objective === 'size');
      const target = (what: 'latency' | 'size'): string =>
        targets[what] === undefined || Number(targets[what].target) > 1 ? '' : ` (${targets[what].target})`;
      return [
        result.case,
        `\`${result.chosen}\``,
        `${latency.median.toFixed(2)}${target('latency')}`,
        `${size.toFixed(2)}${target('size')}`,
        `${accuracy.metric} ${percent(accuracy.original)} → ${percent(accuracy.build)}`,
        smallest === undefined ? NONE : `\`${smallest.chosen}\` ${smallest.size.toFixed(2)}`,
        `${Math.round(rebuildSeconds)} s`,
        `${peakMemoryMiB} MiB`,
      ];
    });
  return table(
    ['model', 'chosen', 'time', 'size', 'held-out data', 'smallest', 'rebuild', 'peak memory'],
    rows,
  );
}

function classTable(results: readonly ClassResult[]): string {
  const rows = results.map((result) => [
    result.case,
    result.class,
    `\`${result.chosen}\``,
    result.ratio.toFixed(2),
    result.size.toFixed(2),
    `${percent(result.accuracy.original)} → ${percent(result.accuracy.build)} of ${result.accuracy.samples}`,
  ]);
  return table(['model', 'class', 'chosen', 'time', 'size', 'held-out data, on that class'], rows);
}

function percent(score: number): string {
  return `${(100 * score).toFixed(2)} %`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}
