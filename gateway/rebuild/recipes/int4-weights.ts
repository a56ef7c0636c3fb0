import { RecipeNotApplicableError } from '../errors.ts';
import type { Recipe } from './recipe.ts';

export const int4Weights: Recipe = {
  name: 'int4-weights',
  uses: [],
  build: async () => {
    throw new RecipeNotApplicableError('not written yet');
  },
};
