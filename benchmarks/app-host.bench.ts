/** What a node adds to bare onnxruntime-node: throughput, time from event to action, batches, idle CPU time, starts in a sandbox. */
import { measureBatches } from './app-host/batches.ts';
import { measureIdle } from './app-host/idle.ts';
import { measureSpeed } from './app-host/speed.ts';
import { measureStarts } from './app-host/starts.ts';
import type { BenchmarkResult } from './run.ts';

export async function run(): Promise<Omit<BenchmarkResult, 'benchmark'>> {
  const speed = await measureSpeed({ rounds: 10, events: 500, single: 200, pauseMs: 5 });
  const batches = await measureBatches({ batch: 8, rounds: 5, events: 500 });
  const starts = await measureStarts(10);
  const idle = await measureIdle(60);
  return {
    compares:
      "time of an event in a node's app, as fast as they go, to that of bare onnxruntime-node in as many processes; in one process: details.speed.throughputToBareInOneProcess",
    ratio: 1 / speed.throughputToBareInTwoProcesses,
    details: { speed, batches, starts, idle },
  };
}
