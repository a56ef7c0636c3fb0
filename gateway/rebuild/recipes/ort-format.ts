import { RecipeNotApplicableError } from '../errors.ts';
import type { Recipe } from './recipe.ts';

export const ortFormat: Recipe = {
  name: 'ort-format',
  uses: [],
  build: async () => {
    throw new RecipeNotApplicableError('not written yet');
  },
};
