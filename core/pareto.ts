import type { Candidate } from './rebuild.ts';
import { timeAgainst } from './relative-time.ts';

/**
 * The candidates that no other one beats: none is at least as good in time, size and memory and better in one of them.
 * What was not measured counts as the worst there is. Pure.
 */
export function paretoFront(candidates: readonly Candidate[], original: Candidate): Set<Candidate> {
  const points = candidates.map((candidate) => ({ candidate, values: valuesOf(candidate, original) }));
  const front = points.filter(({ values }) => !points.some((other) => beats(other.values, values)));
  return new Set(front.map(({ candidate }) => candidate));
}

function valuesOf(candidate: Candidate, original: Candidate): number[] {
  const { build, measurement } = candidate;
  return [
    timeAgainst(original, candidate)?.median ?? Infinity,
    build?.size ?? Infinity,
    measurement?.peakMemoryMiB ?? Infinity,
  ];
}

function beats(a: readonly number[], b: readonly number[]): boolean {
  return (
    a.every((value, i) => value <= (b[i] ?? Infinity)) && a.some((value, i) => value < (b[i] ?? Infinity))
  );
}
