import type { RuntimeHandle, Sample } from '../../../../core/index.ts';
import {
  DATA_TYPE,
  type GraphView,
  makeNode,
  type ModelProto,
  NameBook,
  type NodeProto,
} from '../../onnx/index.ts';
import { withOutputs } from '../value-types.ts';

/**
 * How much of a model's time and data the search may use. It goes by multiplications, never by a clock: the same model
 * is to give the same build on a slow machine.
 */
export interface Effort {
  /** Samples that ranges are measured on. */
  observed: readonly Sample[];
  /** Samples that candidates are compared on: others, where there are enough. */
  judged: readonly Sample[];
  /** Candidates that are compared at most. */
  evaluations: number;
}

/** Multiplications that all candidates together may take; about half a minute on one core of a server. */
const ALL_MACS = 500e9;
/** Multiplications that measuring ranges may take. */
const OBSERVED_MACS = 60e9;
const OBSERVED = { least: 4, most: 64 };
const JUDGED = { least: 4, most: 64 };
const EVALUATIONS = { least: 6, most: 60 };
/** With fewer samples than this, all serve both purposes. */
const ENOUGH_TO_SPLIT = 12;

/** @param macs multiplications of one run of the model */
export function effortFor(macs: number, samples: readonly Sample[]): Effort {
  const most = clamp(ALL_MACS / EVALUATIONS.most / macs, JUDGED);
  const judged = spread(
    samples,
    samples.length < ENOUGH_TO_SPLIT ? most : Math.min(most, samples.length / 2),
  );
  const others =
    samples.length < ENOUGH_TO_SPLIT ? samples : samples.filter((each) => !judged.includes(each));
  return {
    observed: spread(others, clamp(OBSERVED_MACS / macs, OBSERVED)),
    judged,
    evaluations: clamp(ALL_MACS / macs / judged.length, EVALUATIONS),
  };
}

/** Elements of each named value for one sample. */
export async function sizesOf(
  model: ModelProto,
  names: Iterable<string>,
  sample: Sample,
  runtime: RuntimeHandle,
): Promise<ReadonlyMap<string, number>> {
  const book = new NameBook(model.graph);
  const sizes = [...names].map((name) => ({ name, output: book.take(`${name}_size`) }));
  const { node } = model.graph;
  const measuring = sizes.map(({ name, output }) =>
    makeNode({ opType: 'Size', name: output, input: [name], output: [output] }),
  );
  model.graph.node = [...node, ...measuring];
  try {
    const bytes = withOutputs(
      model,
      sizes.map(({ output }) => output),
    );
    const session = await runtime.open(bytes, { threads: 1 });
    try {
      const outputs = await session.run(sample.inputs);
      return new Map(sizes.map(({ name, output }) => [name, Number(outputs[output]?.data[0] ?? 0)]));
    } finally {
      await session.close();
    }
  } finally {
    model.graph.node = node;
  }
}

/** Multiplications of a Conv, MatMul, Gemm or fused attention with constant weights, for one sample. */
export function macsOf(view: GraphView, node: NodeProto, sizes: ReadonlyMap<string, number>): number {
  const weight = view.constant(node.input[1]);
  const outputs = sizes.get(node.output[0] ?? '') ?? 0;
  if (weight?.dataType !== DATA_TYPE.float32) return 0;
  const dims = weight.dims.map(Number);
  const elements = dims.reduce((product, dim) => product * dim, 1);
  return (outputs * elements) / Math.max(1, outputChannels(node, dims));
}

function outputChannels(node: NodeProto, dims: readonly number[]): number {
  if (node.opType === 'Conv') return dims[0] ?? 1;
  // Queries, keys and values go in, and come out as one.
  if (node.opType === 'Attention') return (dims[1] ?? 3) / 3;
  const transposed =
    node.opType === 'Gemm' && node.attribute.some(({ name, i }) => name === 'transB' && i === 1n);
  return dims[transposed ? 0 : dims.length - 1] ?? 1;
}

function clamp(value: number, { least, most }: { least: number; most: number }): number {
  return Math.max(least, Math.min(most, Math.floor(value)));
}

/** At most `count` items, evenly from all over the list. */
export function spread<T>(items: readonly T[], count: number): readonly T[] {
  const whole = Math.max(1, Math.floor(count));
  if (items.length <= whole) return items;
  return items.filter(
    (_, i) => Math.floor((i * whole) / items.length) !== Math.floor(((i - 1) * whole) / items.length),
  );
}
