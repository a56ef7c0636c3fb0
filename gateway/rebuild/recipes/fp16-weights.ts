import { RecipeNotApplicableError } from '../errors.ts';
import type { Recipe } from './recipe.ts';

export const fp16Weights: Recipe = {
  name: 'fp16-weights',
  uses: [],
  build: async () => {
    throw new RecipeNotApplicableError('not written yet');
  },
};
