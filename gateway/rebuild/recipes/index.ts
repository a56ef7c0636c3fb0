/** The ways to rebuild a model. In: a signed model with its card and sample data. Out: another ONNX file. */
import type { RecipeName } from '../../../core/index.ts';
import { fp16 } from './fp16.ts';
import { fp16Weights } from './fp16-weights.ts';
import { int4Weights } from './int4-weights.ts';
import { int8Dynamic } from './int8-dynamic.ts';
import { int8Static } from './int8-static.ts';
import { int8Weights } from './int8-weights.ts';
import { optimize } from './optimize.ts';
import { original } from './original.ts';
import { ortFormat } from './ort-format.ts';
import type { Recipe } from './recipe.ts';

export type { BuiltModel, Recipe, RecipeContext, StreamedModel } from './recipe.ts';
export { modelFile, type ModelSource } from './source.ts';

/** Every recipe by the name that a card allows it by. */
export const RECIPE_TABLE: Readonly<Record<RecipeName, Recipe>> = {
  original,
  optimize,
  'ort-format': ortFormat,
  fp16,
  'fp16-weights': fp16Weights,
  'int8-weights': int8Weights,
  'int4-weights': int4Weights,
  'int8-dynamic': int8Dynamic,
  'int8-static': int8Static,
};
