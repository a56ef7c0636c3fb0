import { RecipeNotApplicableError } from '../errors.ts';
import type { Recipe } from './recipe.ts';

export const int8Weights: Recipe = {
  name: 'int8-weights',
  uses: [],
  build: async () => {
    throw new RecipeNotApplicableError('not written yet');
  },
};
