import { canonicalJson } from './codec.ts';
import { type Digest, digestOf } from './digest.ts';
import type { Objective } from './deployment.ts';
import type { HardwareClass } from './hardware-class.ts';
import type { ModelCard, RecipeName } from './model-card.ts';

/** Grows when a recipe gives other bytes for the same source. Part of every build's key. */
export const BUILDER_VERSION = 1;

/** What decides a build's bytes. Same key, same bytes. */
export interface BuildKey {
  source: Digest;
  card: Digest;
  recipe: RecipeName;
  runtime: string;
}

export function buildKeyOf(key: BuildKey): Digest {
  return digestOf(canonicalJson({ ...key, builder: BUILDER_VERSION }));
}

/** How well a build agrees with the truth, or with the original where no truth is known. */
export interface Accuracy {
  metric: string;
  /** False where no sample has a known truth: agreement with the original only, which is weaker. */
  labelled: boolean;
  samples: number;
  /** Mean score of the original on the same samples, 0..1. */
  original: number;
  /** Mean score of the build, 0..1. */
  build: number;
}

/** What running a build on some hardware showed. Times in milliseconds, memory in MiB. */
export interface Measurement {
  loadMs: number;
  p50Ms: number;
  p95Ms: number;
  runs: number;
  /** Growth of the process by loading and running the model, at its peak. */
  peakMemoryMiB: number;
}

/** One way to build the model, and what became of it. */
export interface Candidate {
  recipe: RecipeName;
  /** Why there is no build: the recipe does not apply, or failed. */
  problem?: string;
  build?: { digest: Digest; size: number };
  accuracy?: Accuracy;
  measurement?: Measurement;
  /** Why it was chosen, or not. */
  verdict?: string;
}

/** Everything about one model rebuilt for one hardware class: what `floormesh explain` shows. */
export interface RebuildReport {
  model: { name: string; version: string; source: Digest; size: number };
  hardwareClass: string;
  objective: Objective;
  maxDrop: number;
  /** Name of the node of that class that measured, or `gateway` where none could. */
  measuredBy: string;
  candidates: Candidate[];
  chosen: RecipeName;
  /** Milliseconds since 1970. */
  at: number;
}

/** The recipes that are worth trying for a card on a class, in a fixed order. The original is always among them. */
export function plannedRecipes(card: ModelCard, target: HardwareClass): RecipeName[] {
  const order: RecipeName[] = ['original', 'optimize', 'fp16', 'int8-dynamic', 'int8-static'];
  return order.filter((recipe) => {
    if (recipe === 'original') return true;
    if (!card.rebuild.allow.includes(recipe)) return false;
    if (recipe === 'int8-static') return card.calibration !== undefined;
    // The WebAssembly kernels have no fp16 arithmetic of their own, and neither do x64 CPUs: bytes saved, time lost.
    return recipe !== 'fp16' || target.accelerator !== 'none' || target.memoryBand !== 'xl';
  });
}

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
    if (candidate.recipe === winner.recipe)
      return { ...candidate, verdict: `chosen: best ${objective} within the accuracy floor` };
    const reason = ties.includes(candidate)
      ? `not chosen: ${winner.recipe} has the same ${objective} within ${TIE_SHARE * 100} % and is smaller`
      : `not chosen: ${winner.recipe} has the better ${objective}`;
    return { ...candidate, verdict: rejection(candidate, maxDrop) ?? reason };
  });
  const chosen = judged.find((candidate) => candidate.recipe === winner.recipe);
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
