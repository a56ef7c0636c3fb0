import type { Accuracy, Measurement } from '../../core/index.ts';

/** What is told of a build all of whose runs take as long. */
export function measuredAt(p50Ms: number, more: Partial<Measurement> = {}): Measurement {
  const same = { p50Ms, p95Ms: p50Ms, p99Ms: p50Ms, throughput: 1000 / p50Ms };
  return { loadMs: 1, ...same, runs: 30, peakMemoryMiB: 20, ...more };
}

/** What is told of a build that agrees with the original on a part of so many samples, 1 being all of them. */
export function agreesOn(part: number, samples: number): Accuracy {
  return { metric: 'binary', labelled: false, samples, original: 1, build: part };
}
