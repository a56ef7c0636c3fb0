import type { Recipe } from './recipe.ts';

/** The publisher's bytes, untouched: what every other candidate is held against. */
export const original: Recipe = {
  name: 'original',
  uses: [],
  build: async ({ source }) => ({ model: await source.bytes(), notes: [] }),
};
