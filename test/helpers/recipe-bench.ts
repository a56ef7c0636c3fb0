import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ModelCard,
  parseModelCard,
  type RecipeName,
  type RecipeOptions,
  type RuntimeHandle,
  type Tensors,
} from '../../core/index.ts';
import { modelFile, RECIPE_TABLE } from '../../gateway/rebuild/recipes/index.ts';

/** A model, and what is known of its inputs and outputs. */
export interface BenchModel {
  model: Uint8Array;
  inputs: Tensors;
  outputs: Tensors;
}

export interface BenchOptions {
  runtime: RuntimeHandle;
  /** A folder of the test's own: recipes read the model from a file and may write another. */
  folder: string;
  calibration?: Tensors[];
  options?: RecipeOptions;
  keepFloat?: string[];
}

/** What a recipe makes of a model, from file to file as in the worker. @throws what the recipe throws */
export async function buildFile(
  recipe: RecipeName,
  bench: BenchModel,
  { runtime, folder, calibration = [bench.inputs], options = {}, keepFloat = [] }: BenchOptions,
): Promise<Uint8Array> {
  const [path, out] = [join(folder, 'source.onnx'), join(folder, 'built.onnx')];
  await writeFile(path, bench.model);
  const signal = AbortSignal.timeout(60_000);
  const { model } = await RECIPE_TABLE[recipe].build({
    source: modelFile(path),
    card: cardOf(bench, keepFloat),
    calibration: { samples: calibration.map((inputs) => ({ inputs })) },
    runtime,
    options,
    signal,
  });
  if (model instanceof Uint8Array) return model;
  try {
    await model.writeTo(out, { signal });
    return await readFile(out);
  } finally {
    await rm(out, { force: true });
  }
}

/** The card that a publisher of the model would have written. */
export function cardOf({ inputs, outputs }: Omit<BenchModel, 'model'>, keepFloat: string[] = []): ModelCard {
  const specs = (tensors: Tensors): object[] =>
    Object.entries(tensors).map(([name, { type, dims }]) => ({ name, type, shape: dims }));
  return parseModelCard({
    name: 'model',
    version: '1.0.0',
    licence: 'MIT',
    inputs: specs(inputs),
    outputs: specs(outputs),
    metric: { kind: 'cosine', output: Object.keys(outputs)[0] },
    rebuild: { keepFloat },
  });
}
