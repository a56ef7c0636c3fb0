import type { Candidate, Measurement } from './rebuild.ts';

/** What two single measurements may differ by though nothing is different, as a share. */
const SINGLE_NOISE_SHARE = 0.03;

/**
 * The time that a run of a candidate takes as a share of the original's, with the range that it lies in. Taken in turns
 * in the same rounds where the trial says so, else from the two middle values. Undefined where one was not measured.
 */
export function timeAgainst(original: Candidate, candidate: Candidate): Measurement['ratio'] {
  if (candidate.name === original.name) return { median: 1, low: 1, high: 1 };
  const { measurement } = candidate;
  if (measurement?.ratio !== undefined) return measurement.ratio;
  const its = original.measurement?.p50Ms;
  if (measurement === undefined || its === undefined || its <= 0) return undefined;
  const median = measurement.p50Ms / its;
  return { median, low: median * (1 - SINGLE_NOISE_SHARE), high: median * (1 + SINGLE_NOISE_SHARE) };
}
