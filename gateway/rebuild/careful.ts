import { type Candidate, type CandidateSpec, withinFloor } from '../../core/index.ts';
import { RECIPE_TABLE } from './recipes/index.ts';

/** The part of the allowed loss that a second try aims at. */
const CAREFUL_SHARE = 0.25;

/**
 * Candidates to build once more, with less loss allowed: those of recipes that search on calibration data, and whose
 * results then missed the floor on the data that judges. They leave more of the model in fp32. Pure.
 */
export function carefulTries(judged: readonly Candidate[], maxDrop: number): CandidateSpec[] {
  return judged.flatMap(({ name, recipe, options, problem, accuracy }) => {
    const missed = problem === undefined && accuracy !== undefined && !withinFloor(accuracy, maxDrop);
    if (!missed || options.maxDrop === undefined || !RECIPE_TABLE[recipe].uses.includes('maxDrop')) return [];
    return [
      { name: `${name}/careful`, recipe, options: { ...options, maxDrop: options.maxDrop * CAREFUL_SHARE } },
    ];
  });
}
