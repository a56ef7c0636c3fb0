import type { RuntimeHandle, SampleSet } from '../../../../core/index.ts';
import type { ModelProto } from '../../onnx/index.ts';
import { RecipeNotApplicableError } from '../../errors.ts';
import { withOutputs } from '../value-types.ts';
import { Histogram } from './histogram.ts';

/** Samples that are run. More of them make the ranges hardly better and the build longer. */
const MAX_SAMPLES = 64;

/**
 * Runs a model over calibration samples and notes how the named activations spread. One thread, so that the sums come
 * out the same every time.
 *
 * @throws {RecipeNotApplicableError} when there are no samples
 */
export async function observe(
  model: ModelProto,
  names: ReadonlySet<string>,
  calibration: SampleSet | undefined,
  runtime: RuntimeHandle,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Histogram>> {
  const samples = spread(calibration?.samples ?? [], MAX_SAMPLES);
  if (samples.length === 0) throw new RecipeNotApplicableError('the model has no calibration data');
  const histograms = new Map([...names].map((name) => [name, new Histogram()]));
  const inputs = new Set(model.graph.input.map(({ name }) => name));
  const made = [...names].filter((name) => !inputs.has(name));
  const session = await runtime.open(withOutputs(model, made), { threads: 1 });
  try {
    for (const sample of samples) {
      signal.throwIfAborted();
      const values = { ...(await session.run(sample.inputs)), ...sample.inputs };
      for (const [name, histogram] of histograms) {
        const data = values[name]?.data;
        if (data instanceof Float32Array) histogram.add(data);
      }
    }
  } finally {
    await session.close();
  }
  return histograms;
}

/** At most `count` items, evenly from all over the list. */
export function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return items.filter(
    (_, i) => Math.floor((i * count) / items.length) !== Math.floor(((i - 1) * count) / items.length),
  );
}
