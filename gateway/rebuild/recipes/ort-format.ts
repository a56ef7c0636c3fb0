import { RecipeNotApplicableError } from '../errors.ts';
import { inOrder } from './ort/in-order.ts';
import type { Recipe } from './recipe.ts';

/**
 * The graph as the runtime simplifies and fuses it at `extended`, in the runtime's own format, ready to run: what has
 * many small nodes opens up to three times faster. Opened from it, a runtime does no more to the graph, so that what
 * gains by the CPU's own layout is slower than the original.
 */
export const ortFormat: Recipe = {
  name: 'ort-format',
  uses: [],
  build: async ({ source, runtime, signal }) => {
    if (runtime.optimize === undefined)
      throw new RecipeNotApplicableError(`${runtime.name} cannot save the graph that it optimised`);
    signal.throwIfAborted();
    const saved = await runtime.optimize(await source.bytes(), 'extended', 'ort');
    signal.throwIfAborted();
    return { model: inOrder(saved), notes: [] };
  },
};
