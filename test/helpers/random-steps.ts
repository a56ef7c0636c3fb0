import {
  DATA_TYPE,
  float32Tensor,
  makeGraph,
  makeNode,
  makeValueInfo,
  type GraphProto,
  type NodeProto,
} from '../../gateway/rebuild/onnx/index.ts';
import { noise } from './onnx-graphs.ts';
import { CHANNELS, MAP, type RandomGraph, ROWS_OF_TABLE, SIDE, WIDTH } from './random-graph.ts';

interface Choice {
  a: number;
  b: number;
  seed: number;
}
type Write = (graph: RandomGraph, choice: Choice) => void;

/** Twice this many times `WIDTH` float32 weights are 5 MiB. */
const WIDE = 10_240;
const SAME = { pads: [1, 1, 1, 1] };
const WINDOW = { kernel_shape: [3, 3], ...SAME };
const PER_CHANNEL = [1, CHANNELS, 1, 1];
const small = (value: number): number => value * 0.5;
const nearOne = (value: number): number => 1 + value * 0.5;

/** What a random graph is made of: single operators, and the few that exporters write for one. */
const steps = {
  conv: (g, { a, seed }) =>
    g.addMap('Conv', [g.map(a), kernel(g, seed), g.constant([CHANNELS], seed, small)], SAME),
  convWithoutBias: (g, { a, seed }) => g.addMap('Conv', [g.map(a), kernel(g, seed)], SAME),
  depthwise: (g, { a, seed }) =>
    g.addMap('Conv', [g.map(a), g.weights([CHANNELS, 1, 3, 3], 9, seed)], { ...SAME, group: CHANNELS }),
  convTranspose: (g, { a, seed }) => g.addMap('ConvTranspose', [g.map(a), kernel(g, seed)], SAME),
  batchNormalization: (g, { a, seed }) => {
    const [scale, mean] = [g.constant([CHANNELS], seed, nearOne), g.constant([CHANNELS], seed, small)];
    g.addMap('BatchNormalization', [g.map(a), scale, mean, mean, scale]);
  },
  relu: (g, { a }) => g.addMap('Relu', [g.map(a)]),
  sigmoid: (g, { a }) => g.addMap('Sigmoid', [g.map(a)]),
  clip: (g, { a }) => g.addMap('Clip', [g.map(a), scalar(g, -0.5), scalar(g, 1)]),
  clipAbove: (g, { a }) => g.addMap('Clip', [g.map(a), '', scalar(g, 1)]),
  hardSwish: (g, { a }) => {
    const raised = g.inner('Add', [g.map(a), scalar(g, 3)]);
    const clipped = g.inner('Clip', [raised, scalar(g, 0), scalar(g, 6)]);
    const product = g.inner('Mul', [g.map(a), clipped]);
    g.addMap('Div', [product, scalar(g, 6)]);
  },
  add: (g, { a, b }) => g.addMap('Add', [g.map(a), g.map(b)]),
  gate: (g, { a, b }) => g.addMap('Mul', [g.map(a), g.inner('Sigmoid', [g.map(b)])]),
  scale: (g, { a, seed }) => g.addMap('Mul', [g.map(a), g.constant(PER_CHANNEL, seed, nearOne)]),
  shift: (g, { a, seed }) => g.addMap('Add', [g.constant(PER_CHANNEL, seed, small), g.map(a)]),
  divide: (g, { a, seed }) => g.addMap('Div', [g.map(a), g.constant(PER_CHANNEL, seed, nearOne)]),
  maxPool: (g, { a }) => g.addMap('MaxPool', [g.map(a)], WINDOW),
  averagePool: (g, { a }) => g.addMap('AveragePool', [g.map(a)], WINDOW),
  concat: (g, { a, b, seed }) => {
    const joined = g.inner('Concat', [g.map(a), g.map(b)], { axis: 1 });
    g.addMap('Conv', [joined, g.weights([CHANNELS, 2 * CHANNELS, 1, 1], 2 * CHANNELS, seed)]);
  },
  transpose: (g, { a }) => {
    const turned = g.inner('Transpose', [g.map(a)], { perm: [0, 2, 3, 1] });
    g.addMap('Transpose', [g.inner('Relu', [turned])], { perm: [0, 3, 1, 2] });
  },
  reshape: (g, { a }) => {
    const flat = g.inner('Reshape', [g.map(a), g.writer.ints([1, CHANNELS, -1])]);
    g.addMap('Reshape', [flat, g.writer.ints([0, 0, SIDE, SIDE])]);
  },
  split: (g, { a }) => {
    const halves = [g.newName('inner'), g.newName('inner')];
    const sizes = [CHANNELS / 2, CHANNELS / 2];
    const [more, attributes] = g.opset < 13 ? [[], { split: sizes }] : [[g.writer.ints(sizes)], {}];
    const name = g.newName('split');
    const input = [g.map(a), ...more];
    g.writer.nodes.push(
      makeNode({ opType: 'Split', name, input, output: halves, attributes: { axis: 1, ...attributes } }),
    );
    g.addMap('Concat', halves.toReversed(), { axis: 1 });
  },
  constantNode: (g, { a, seed }) => {
    const value = float32Tensor('', noise(CHANNELS, seed), PER_CHANNEL);
    g.addMap('Add', [g.map(a), g.inner('Constant', [], { value })]);
  },
  branch: (g, { a, b }) =>
    g.addMap('If', ['c'], {
      then_branch: branch(g, (out) => [node(g, 'Identity', [g.map(a)], out)]),
      else_branch: branch(g, (out) => [node(g, 'Neg', [g.map(b)], out)]),
    }),
  branchWithWeights: (g, { a, b, seed }) => {
    const outer = kernel(g, seed);
    const nested = (out: string): NodeProto[] => [
      node(g, 'If', ['c'], out, {
        then_branch: branch(g, (inside) => [node(g, 'Relu', [g.map(b)], inside)]),
        else_branch: branch(g, (inside) => [node(g, 'Conv', [g.map(b), outer], inside, SAME)]),
      }),
    ];
    g.addMap('If', ['c'], {
      then_branch: branch(g, (out) => [node(g, 'Conv', [g.map(a), outer], out, SAME)]),
      else_branch: branch(g, nested),
    });
  },
  pooledRow: (g, { a, seed }) => {
    const pooled = g.inner('Flatten', [g.inner('GlobalAveragePool', [g.map(a)])]);
    g.addRow('MatMul', [pooled, g.weights([CHANNELS, WIDTH], 1, seed)]);
  },
  matMul: (g, { a, seed }) => g.addRow('MatMul', [g.row(a), g.weights([WIDTH, WIDTH], WIDTH, seed)]),
  matMulAdd: (g, { a, seed }) => {
    const product = g.inner('MatMul', [g.row(a), g.weights([WIDTH, WIDTH], WIDTH, seed)]);
    g.addRow('Add', [product, g.constant([WIDTH], seed, small)]);
  },
  gemm: (g, { a, seed }) =>
    g.addRow('Gemm', [g.row(a), g.weights([WIDTH, WIDTH], WIDTH, seed), g.constant([WIDTH], seed, small)], {
      transB: 1,
      alpha: { float: 0.5 },
      beta: { float: 2 },
    }),
  gemmWithoutBias: (g, { a, seed }) => g.addRow('Gemm', [g.row(a), g.weights([WIDTH, WIDTH], WIDTH, seed)]),
  product: (g, { a, b }) => {
    const turned = g.inner('Transpose', [g.row(a)], { perm: [1, 0] });
    const square = g.inner('MatMul', [turned, g.row(b)]);
    g.addRow('MatMul', [g.inner('Softmax', [g.row(b)], { axis: 1 }), square]);
  },
  addRows: (g, { a, b }) => g.addRow('Add', [g.row(a), g.row(b)]),
  tanh: (g, { a }) => g.addRow('Tanh', [g.row(a)]),
  softmax: (g, { a }) => g.addRow('Softmax', [g.row(a)], { axis: 1 }),
  lookUp: (g, { seed }) =>
    g.addRow('Gather', [g.weights([ROWS_OF_TABLE, WIDTH], 3, seed), 'id'], { axis: 0 }),
  /** Large enough for a recipe that leaves small matrices alone; too large to be in every graph. */
  wide: (g, { a, seed }) => {
    const wide = g.inner('MatMul', [g.row(a), g.weights([WIDTH, WIDE], WIDTH, seed)]);
    g.addRow('MatMul', [g.inner('Relu', [wide]), g.weights([WIDE, WIDTH], WIDE, seed)]);
  },
} satisfies Record<string, Write>;

export type StepName = keyof typeof steps;
export const STEPS: Record<StepName, Write> = steps;
/** Those that graphs are made of by chance. */
export const STEP_NAMES = (Object.keys(steps) as StepName[]).filter((name) => name !== 'wide');

function kernel(g: RandomGraph, seed: number): string {
  return g.weights([CHANNELS, CHANNELS, 3, 3], CHANNELS * 9, seed);
}

function scalar(g: RandomGraph, value: number): string {
  return g.writer.floats([value], []);
}

/** The graph inside one branch of an If: what it reads of the graph around, it captures. */
function branch(g: RandomGraph, nodes: (out: string) => NodeProto[]): { graph: GraphProto } {
  const out = g.newName('branch');
  const output = [makeValueInfo(out, DATA_TYPE.float32, MAP)];
  return { graph: makeGraph({ name: out, node: nodes(out), output }) };
}

function node(
  g: RandomGraph,
  opType: string,
  input: string[],
  out: string,
  attributes: Parameters<typeof makeNode>[0]['attributes'] = {},
): NodeProto {
  return makeNode({ opType, name: g.newName(opType), input, output: [out], attributes });
}
