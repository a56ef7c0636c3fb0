import type { RuntimeHandle, Sample } from '../../../../core/index.ts';
import { makeNode, type ModelProto, NameBook } from '../../onnx/index.ts';
import { LARGEST_HALF } from '../half.ts';
import { withOutputs } from '../value-types.ts';

/** Other inputs may be larger than the samples: so much is left of float16's range. */
const LARGEST_PEAK = LARGEST_HALF / 4;
/** A value that never reaches this has less than its largest bits left in float16, whose normal numbers end at 2^-14. */
const SMALLEST_PEAK = 2 ** -12;

/**
 * The largest magnitude of each named float32 value over samples. The runtime looks for it itself: what comes back is
 * one number for each.
 */
export async function peaksOf(
  model: ModelProto,
  values: readonly string[],
  samples: readonly Sample[],
  { runtime, signal }: { runtime: RuntimeHandle; signal: AbortSignal },
): Promise<ReadonlyMap<string, number>> {
  const names = new NameBook(model.graph);
  const measured = values.map((value) => ({
    value,
    size: names.take(`${value}_size`),
    peak: names.take(`${value}_peak`),
  }));
  const { node } = model.graph;
  model.graph.node = [
    ...node,
    ...measured.flatMap(({ value, size, peak }) => [
      makeNode({ opType: 'Abs', name: size, input: [value], output: [size] }),
      makeNode({
        opType: 'ReduceMax',
        name: peak,
        input: [size],
        output: [peak],
        attributes: { keepdims: 0 },
      }),
    ]),
  ];
  let bytes: Uint8Array;
  try {
    bytes = withOutputs(
      model,
      measured.map(({ peak }) => peak),
    );
  } finally {
    model.graph.node = node;
  }
  const peaks = new Map<string, number>();
  const session = await runtime.open(bytes, { threads: 1 });
  try {
    for (const { inputs } of samples) {
      signal.throwIfAborted();
      const outputs = await session.run(inputs);
      for (const { value, peak } of measured) {
        const found = Number(outputs[peak]?.data[0] ?? 0);
        // Math.max keeps what is not a number.
        peaks.set(value, Math.max(peaks.get(value) ?? 0, found));
      }
    }
  } finally {
    await session.close();
  }
  return peaks;
}

/** Whether float16 holds values up to that magnitude well. */
export function holdsPeak(peak: number): boolean {
  return peak === 0 || (peak >= SMALLEST_PEAK && peak <= LARGEST_PEAK);
}
