import type { Candidate, CandidateSpec, HardwareClass, ModelCard } from '../../core/index.ts';

/** What is tried for a model on a class, and what is not, with the reason. */
export interface RebuildPlan {
  specs: CandidateSpec[];
  /** Candidates that are ruled out before anything is built. */
  skipped: Candidate[];
}

/**
 * What is worth building, in a fixed order. Without data nobody could tell whether a build is still right, so the
 * original stays; and where the gateway has no runtime of its own nothing can be built.
 */
export function planRebuild(
  card: ModelCard,
  target: HardwareClass,
  maxDrop: number,
  canBuild: boolean,
): RebuildPlan {
  const [original, ...others] = plannedCandidates(card, target, maxDrop);
  if (original === undefined) throw new TypeError('a plan has no original');
  const problem = !canBuild
    ? 'the gateway has no runtime of its own to build with'
    : card.validation === undefined
      ? 'the model comes without validation data to judge a build by'
      : undefined;
  if (problem === undefined) return { specs: [original, ...others], skipped: [] };
  return { specs: [original], skipped: others.map((spec) => ({ ...spec, problem })) };
}

/** The candidates that a card allows and a class may gain by, the original first. */
function plannedCandidates(card: ModelCard, target: HardwareClass, maxDrop: number): CandidateSpec[] {
  const weightBits = weightBitsOf(target);
  const all: CandidateSpec[] = [
    { name: 'original', recipe: 'original', options: {} },
    { name: 'optimize', recipe: 'optimize', options: {} },
    { name: 'ort-format', recipe: 'ort-format', options: {} },
    { name: 'fp16', recipe: 'fp16', options: {} },
    { name: 'fp16-weights', recipe: 'fp16-weights', options: {} },
    { name: 'int8-weights', recipe: 'int8-weights', options: {} },
    { name: 'int4-weights', recipe: 'int4-weights', options: {} },
    { name: 'int8-dynamic', recipe: 'int8-dynamic', options: { weightBits } },
    { name: 'int8-static', recipe: 'int8-static', options: { weightBits, maxDrop } },
  ];
  return all.filter(({ recipe }) => {
    if (recipe === 'original') return true;
    return (
      card.rebuild.allow.includes(recipe) && (recipe !== 'int8-static' || card.calibration !== undefined)
    );
  });
}

/**
 * Bits of an 8-bit weight that a build for this class may use. x64 CPUs without VNNI add pairs of 8-bit products in
 * 16 bits and saturate there (VPMADDUBSW); one bit less in the weights rules that out.
 */
export function weightBitsOf(target: HardwareClass): 7 | 8 {
  const saturates = target.arch === 'x64' && !['amx', 'avx512vnni', 'avxvnni'].includes(target.isa);
  return saturates ? 7 : 8;
}

/** Candidates that are worth a node's time: built, and not known to be too inaccurate. The original always is. */
export function worthTrying(candidates: readonly Candidate[], maxDrop: number): Candidate[] {
  return candidates.filter(({ recipe, build, problem, accuracy }) => {
    if (build === undefined) return false;
    if (recipe === 'original') return true;
    if (problem !== undefined || accuracy === undefined) return false;
    return accuracy.original - accuracy.build <= maxDrop + 1e-9;
  });
}
