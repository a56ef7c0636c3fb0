import type { Objective } from './deployment.ts';
import type { Candidate } from './rebuild.ts';

/** Differences in speed or memory below this share are noise: the smaller build wins then. */
const TIE_SHARE = 0.03;

/**
 * Chooses among measured candidates: those within the accuracy floor, the best by the objective, ties to the smaller.
 * Fills in every candidate's verdict. Pure: the same candidates give the same choice.
 *
 * @throws {TypeError} when no candidate at all was built, which the `original` recipe rules out
 */
export function chooseCandidate(
  candidates: readonly Candidate[],
  objective: Objective,
  maxDrop: number,
): { chosen: Candidate; candidates: Candidate[] } {
  const fit = candidates.filter((candidate) => rejection(candidate, maxDrop) === undefined);
  const pool = fit.length > 0 ? fit : candidates.filter((candidate) => candidate.recipe === 'original');
  if (pool.length === 0) throw new TypeError('there is no candidate to choose');
  const best = Math.min(...pool.map((candidate) => valueOf(objective, candidate)));
  const ties = pool.filter((candidate) => valueOf(objective, candidate) <= best * (1 + TIE_SHARE));
  const winner = ties.reduce((smallest, candidate) =>
    sizeOf(candidate) < sizeOf(smallest) ? candidate : smallest,
  );
  const judged = candidates.map((candidate) => {
    if (candidate.name === winner.name)
      return { ...candidate, verdict: `chosen: best ${objective} within the accuracy floor` };
    const reason = ties.includes(candidate)
      ? `not chosen: ${winner.name} has the same ${objective} within ${TIE_SHARE * 100} % and is smaller`
      : `not chosen: ${winner.name} has the better ${objective}`;
    return { ...candidate, verdict: rejection(candidate, maxDrop) ?? reason };
  });
  const chosen = judged.find((candidate) => candidate.name === winner.name);
  if (chosen === undefined) throw new TypeError('the chosen candidate is not among the candidates');
  return { chosen, candidates: judged };
}

function rejection(candidate: Candidate, maxDrop: number): string | undefined {
  if (candidate.build === undefined) return `not built: ${candidate.problem ?? 'unknown'}`;
  if (candidate.problem !== undefined) return `rejected: ${candidate.problem}`;
  if (candidate.accuracy === undefined)
    return candidate.recipe === 'original' ? undefined : 'rejected: its accuracy is not known';
  const drop = candidate.accuracy.original - candidate.accuracy.build;
  if (drop > maxDrop + 1e-9)
    return `rejected: ${candidate.accuracy.metric} falls by ${drop.toFixed(4)}, ${maxDrop} is allowed`;
  return undefined;
}

function sizeOf({ build }: Candidate): number {
  return build?.size ?? Infinity;
}

/** What the objective wants small. A build that was not measured is as bad as can be, but still comparable. */
function valueOf(objective: Objective, candidate: Candidate): number {
  if (objective === 'size') return sizeOf(candidate);
  const { p50Ms, peakMemoryMiB } = candidate.measurement ?? {};
  return (objective === 'memory' ? peakMemoryMiB : p50Ms) ?? Number.MAX_VALUE;
}
