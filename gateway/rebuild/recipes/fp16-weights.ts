import type { Recipe } from './recipe.ts';
import { halfForm } from './stored/half.ts';
import { storeConstants } from './stored/store.ts';

/** Fewer elements than this do not pay for the nodes that turn them back. */
const SMALLEST_CONSTANT = 256;

/**
 * Constants stored as float16 and computed with as float32: half the size, the same speed. Those that float16 does not
 * hold well stay in float32.
 */
export const fp16Weights: Recipe = {
  name: 'fp16-weights',
  uses: [],
  build: (context) =>
    storeConstants(context, {
      minElements: SMALLEST_CONSTANT,
      form: halfForm,
      nothing: 'no large float32 constant may become float16',
    }),
};
