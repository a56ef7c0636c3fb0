import { z } from 'zod';
import { InvalidCardError } from './errors.ts';
import { type Metric, metricSchema } from './metric.ts';
import { innerPathSchema, nameSchema, versionSchema } from './names.ts';
import { parseWith } from './parse.ts';
import { type RecipeName, RECIPES } from './recipe.ts';

/** One input or output of a model. A dimension is a number, or a name where it may vary. */
export interface TensorSpec {
  name: string;
  type: string;
  shape: (number | string)[];
}

/** What stands beside the weights: what the model is, how it is judged, and what may be done to it. */
export interface ModelCard {
  name: string;
  version: string;
  description: string;
  /** SPDX expression. */
  licence: string;
  /** Who made it, and where it comes from. */
  source: string;
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  metric: Metric;
  /** The largest loss of the metric (absolute, 0..1) that a rebuilt model may show. */
  maxDrop: number;
  rebuild: {
    /** Recipes that the publisher allows. */
    allow: RecipeName[];
    /** Operators (`Softmax`) or node names that stay in fp32 whatever the recipe. */
    keepFloat: string[];
  };
  /** Largest absolute difference from the golden outputs that a node accepts before activation. */
  goldenTolerance: number;
  /** The ONNX file, a path in the model's folder. */
  weights: string;
  /** Sample sets, paths in the model's folder. */
  calibration?: string;
  validation?: string;
  /** Other files that an app needs beside the weights (a character list), by the name the app asks for. */
  files: Record<string, string>;
}

const tensorSpec = z.strictObject({
  name: z.string().min(1).max(200),
  type: z.string().max(20),
  shape: z.array(z.union([z.number().int().nonnegative(), z.string().min(1).max(100)])).max(8),
});

const modelCard = z.strictObject({
  name: nameSchema,
  version: versionSchema,
  description: z.string().max(2000).default(''),
  licence: z.string().min(1).max(200),
  source: z.string().max(500).default(''),
  inputs: z.array(tensorSpec).min(1).max(64),
  outputs: z.array(tensorSpec).min(1).max(64),
  metric: metricSchema,
  maxDrop: z.number().min(0).max(1).default(0.01),
  rebuild: z
    .strictObject({
      allow: z.array(z.enum(RECIPES)).default([...RECIPES]),
      keepFloat: z.array(z.string().max(300)).max(10_000).default([]),
    })
    .default({ allow: [...RECIPES], keepFloat: [] }),
  goldenTolerance: z.number().positive().default(0.05),
  weights: innerPathSchema.default('model.onnx'),
  calibration: innerPathSchema.optional(),
  validation: innerPathSchema.optional(),
  files: z.record(z.string().max(100), innerPathSchema).default({}),
});

/** @throws {InvalidCardError} naming the fields that are wrong */
export function parseModelCard(value: unknown): ModelCard {
  return parseWith(modelCard, value, 'model card', InvalidCardError) as ModelCard;
}
