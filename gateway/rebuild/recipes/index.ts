/** The ways to rebuild a model. In: a signed model with its card and sample data. Out: another ONNX file. */
import type { RecipeName } from '../../../core/index.ts';
import { fp16 } from './fp16.ts';
import { int8Dynamic } from './int8-dynamic.ts';
import { int8Static } from './int8-static.ts';
import { optimize } from './optimize.ts';
import { original } from './original.ts';
import type { Recipe } from './recipe.ts';

export type { Recipe, RecipeContext } from './recipe.ts';

/** Every recipe by the name that a card allows it by. */
export const RECIPE_TABLE: Readonly<Record<RecipeName, Recipe>> = {
  original,
  optimize,
  fp16,
  'int8-dynamic': int8Dynamic,
  'int8-static': int8Static,
};
