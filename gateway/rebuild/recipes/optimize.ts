import { RecipeNotApplicableError } from '../errors.ts';
import type { Recipe } from './recipe.ts';

/**
 * The graph as the runtime itself simplifies and fuses it. `extended` and no further: the levels above it bind the
 * file to the CPU that saved it.
 */
export const optimize: Recipe = {
  name: 'optimize',
  uses: [],
  build: async ({ source, runtime, signal }) => {
    if (runtime.optimize === undefined)
      throw new RecipeNotApplicableError(`${runtime.name} cannot save the graph that it optimised`);
    signal.throwIfAborted();
    return { model: await runtime.optimize(await source.bytes(), 'extended'), notes: [] };
  },
};
