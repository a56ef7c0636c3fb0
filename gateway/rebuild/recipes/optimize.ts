import { RecipeNotApplicableError } from '../errors.ts';
import { decodeModel, encodeModel, type NodeProto } from '../onnx/index.ts';
import { keepsFloat } from './keep-float.ts';
import { takeApart } from './prepare.ts';
import type { Recipe } from './recipe.ts';

/**
 * The graph as the runtime itself simplifies and fuses it. `extended` and no further: the levels above it bind the
 * file to the CPU that saved it. What another optimiser had fused is taken apart first: not all of it is faster so.
 */
export const optimize: Recipe = {
  name: 'optimize',
  uses: [],
  build: async ({ source, card, runtime, signal }) => {
    if (runtime.optimize === undefined)
      throw new RecipeNotApplicableError(`${runtime.name} cannot save the graph that it optimised`);
    signal.throwIfAborted();
    const model = decodeModel(await source.bytes());
    const keep = (node: NodeProto): boolean => keepsFloat(card.rebuild.keepFloat, node);
    const apart = await takeApart(model, { keep, runtime });
    const bytes = apart === 0 ? await source.bytes() : encodeModel(model);
    return {
      model: await runtime.optimize(bytes, 'extended'),
      notes: apart === 0 ? [] : [`${apart} operators that came fused were taken apart first`],
    };
  },
};
