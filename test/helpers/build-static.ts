import type { ModelCard, RecipeOptions, Sample, Tensors } from '../../core/index.ts';
import { RECIPE_TABLE } from '../../gateway/rebuild/recipes/index.ts';
import { localRuntime } from './onnxruntime.ts';

/** Builds `int8-static` in this process: the bytes and the notes. */
export async function buildStatic(
  source: Uint8Array,
  card: ModelCard,
  samples: Sample[],
  options: RecipeOptions = {},
): Promise<{ model: Uint8Array; notes: string[] }> {
  const { model, notes } = await RECIPE_TABLE['int8-static'].build({
    source: { path: '', size: async () => source.byteLength, bytes: async () => source },
    card,
    calibration: { samples },
    runtime: localRuntime,
    options,
    signal: AbortSignal.timeout(300_000),
  });
  if (!(model instanceof Uint8Array)) throw new TypeError('int8-static gave a model to be streamed');
  return { model, notes };
}

/** What a model gives for each sample. */
export async function outputsOf(model: Uint8Array, samples: readonly Sample[]): Promise<Tensors[]> {
  const session = await localRuntime.open(model);
  try {
    const outputs: Tensors[] = [];
    for (const { inputs } of samples) outputs.push(await session.run(inputs));
    return outputs;
  } finally {
    await session.close();
  }
}
