import {
  type Candidate,
  type HardwareClass,
  type ModelCard,
  plannedRecipes,
  type RecipeName,
} from '../../core/index.ts';

/** What is tried for a model on a class, and what is not, with the reason. */
export interface RebuildPlan {
  recipes: RecipeName[];
  /** Recipes that are ruled out before anything is built. */
  skipped: Candidate[];
}

/**
 * What is worth building. Without validation data nobody could tell whether a build is still right, so the original
 * stays; and where the gateway has no runtime of its own nothing can be built.
 */
export function planRebuild(card: ModelCard, target: HardwareClass, canBuild: boolean): RebuildPlan {
  const planned = plannedRecipes(card, target);
  const problem = !canBuild
    ? 'the gateway has no runtime of its own to build with'
    : card.validation === undefined
      ? 'the model comes without validation data to judge a build by'
      : undefined;
  if (problem === undefined) return { recipes: planned, skipped: [] };
  return {
    recipes: ['original'],
    skipped: planned.filter((recipe) => recipe !== 'original').map((recipe) => ({ recipe, problem })),
  };
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
