import type { Recipe } from './recipe.ts';
import { halfForm } from './stored/half.ts';
import { int8Form } from './stored/int8.ts';
import { storeConstants } from './stored/store.ts';
import { isWeight } from './stored/view.ts';

/** Fewer elements than this do not pay for the nodes that turn them back. */
const SMALLEST_CONSTANT = 512;

/**
 * Weights stored in 8 bits with scales and computed with as float32: about a quarter of the size, the same speed. Large
 * constants that are no weights, and weights that 8 bits change too much, become float16 where that holds them.
 */
export const int8Weights: Recipe = {
  name: 'int8-weights',
  uses: [],
  build: (context) =>
    storeConstants(context, {
      minElements: SMALLEST_CONSTANT,
      form: (file, constant, names, number) =>
        (isWeight(constant) ? int8Form(file, constant, names, number) : undefined) ??
        halfForm(file, constant, names, number),
      nothing: 'no large float32 constant may become smaller',
    }),
};
