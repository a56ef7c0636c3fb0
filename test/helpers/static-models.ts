import { DATA_TYPE, makeGraph, makeNode, makeValueInfo } from '../../gateway/rebuild/onnx/index.ts';
import { type GraphWriter, noise } from './onnx-graphs.ts';

/** A small graph of a kind that a quantiser must not trip over, with the shape of its input `x`. Its output is `y`. */
export interface SmallModel {
  bytes: Uint8Array;
  shape: number[];
}

type Build = (writer: GraphWriter) => SmallModel;

/** Weights of the given shape that keep the size of what they are multiplied with. */
function weights(writer: GraphWriter, dims: number[]): string {
  const seed = writer.constants.length + 1;
  const fan = Math.max(
    1,
    dims.slice(1).reduce((product, dim) => product * dim, 1),
  );
  const values = noise(
    dims.reduce((product, dim) => product * dim, 1),
    seed,
  ).map((value) => (value * 2) / Math.sqrt(fan));
  return writer.floats(values, dims);
}

function bias(writer: GraphWriter, count: number): string {
  const seed = writer.constants.length + 1;
  return writer.floats(
    noise(count, seed).map((value) => value * 0.2),
    [count],
  );
}

function convolution(
  writer: GraphWriter,
  input: string,
  dims: number[],
  attributes: Parameters<GraphWriter['node']>[2] = {},
  output?: string,
): string {
  const inputs = [input, weights(writer, dims), bias(writer, dims[0] ?? 1)];
  return writer.node('Conv', inputs, attributes, output);
}

const PADDED = { pads: [1, 1, 1, 1] };

/** The kinds, by what is special about them. */
export const SMALL_MODELS: Readonly<Record<string, Build>> = {
  'a convolution along one axis': (writer) => {
    const first = writer.node('Relu', [convolution(writer, 'x', [16, 8, 5], { pads: [2, 2] })]);
    convolution(writer, first, [16, 16, 3], { pads: [1, 1] }, 'y');
    return { bytes: writer.model(13, { x: [1, 8, 'w'] }, { y: [1, 16, 'w'] }), shape: [1, 8, 64] };
  },
  'a convolution along three axes': (writer) => {
    const pads = [1, 1, 1, 1, 1, 1];
    const first = writer.node('Relu', [convolution(writer, 'x', [8, 4, 3, 3, 3], { pads })]);
    convolution(writer, first, [8, 8, 3, 3, 3], { pads }, 'y');
    return {
      bytes: writer.model(13, { x: [1, 4, 8, 8, 8] }, { y: [1, 8, 8, 8, 8] }),
      shape: [1, 4, 8, 8, 8],
    };
  },
  'depthwise and grouped convolutions': (writer) => {
    const deep = convolution(writer, 'x', [16, 1, 3, 3], { ...PADDED, group: 16 });
    const mixed = writer.node('Relu', [convolution(writer, deep, [32, 16, 1, 1])]);
    convolution(writer, mixed, [32, 8, 3, 3], { ...PADDED, group: 4 }, 'y');
    return {
      bytes: writer.model(13, { x: [1, 16, 12, 12] }, { y: [1, 32, 12, 12] }),
      shape: [1, 16, 12, 12],
    };
  },
  'a transposed convolution between others': (writer) => {
    const first = writer.node('Relu', [convolution(writer, 'x', [16, 8, 3, 3], PADDED)]);
    const wide = writer.node('ConvTranspose', [first, weights(writer, [16, 8, 2, 2])], { strides: [2, 2] });
    convolution(writer, wide, [8, 8, 3, 3], PADDED, 'y');
    return { bytes: writer.model(13, { x: [1, 8, 8, 8] }, { y: [1, 8, 16, 16] }), shape: [1, 8, 8, 8] };
  },
  'Gemm with all its attributes': (writer) => {
    const first = writer.node('Gemm', ['x', weights(writer, [64, 32]), bias(writer, 64)], {
      transB: 1,
      alpha: { float: 0.5 },
      beta: { float: 2 },
    });
    const second = writer.node('Relu', [first]);
    writer.node('Gemm', [second, weights(writer, [64, 48])], {}, 'y');
    return { bytes: writer.model(13, { x: ['n', 32] }, { y: ['n', 48] }), shape: [4, 32] };
  },
  'products of more than two dimensions': (writer) => {
    const first = writer.node('MatMul', ['x', weights(writer, [48, 64])]);
    const second = writer.node('Add', [first, bias(writer, 64)]);
    writer.node('MatMul', [writer.node('Relu', [second]), weights(writer, [64, 32])], {}, 'y');
    return { bytes: writer.model(13, { x: [2, 3, 'n', 48] }, { y: [2, 3, 'n', 32] }), shape: [2, 3, 5, 48] };
  },
  'sums and joins of branches': (writer) => {
    const first = writer.node('Relu', [convolution(writer, 'x', [16, 8, 3, 3], PADDED)]);
    const branch = convolution(writer, first, [16, 16, 3, 3], PADDED);
    const sum = writer.node('Relu', [writer.node('Add', [first, branch])]);
    const joined = writer.node('Concat', [sum, first], { axis: 1 });
    const pooled = writer.node('MaxPool', [joined], { kernel_shape: [2, 2], strides: [2, 2] });
    convolution(writer, pooled, [8, 32, 1, 1], {}, 'y');
    return { bytes: writer.model(13, { x: ['n', 8, 12, 12] }, { y: ['n', 8, 6, 6] }), shape: [2, 8, 12, 12] };
  },
  'weights that two nodes share': (writer) => {
    const shared = weights(writer, [8, 8, 3, 3]);
    const first = writer.node('Relu', [writer.node('Conv', ['x', shared], PADDED)]);
    writer.node('Conv', [first, shared], PADDED, 'y');
    return { bytes: writer.model(13, { x: [1, 8, 10, 10] }, { y: [1, 8, 10, 10] }), shape: [1, 8, 10, 10] };
  },
  'values on the way that are outputs too': (writer) => {
    const first = convolution(writer, 'x', [8, 4, 3, 3], PADDED, 'raw');
    const second = writer.node('Relu', [first], {}, 'limited');
    convolution(writer, second, [8, 8, 3, 3], PADDED, 'y');
    const shape = [1, 8, 10, 10];
    const bytes = writer.model(13, { x: [1, 4, 10, 10] }, { y: shape, raw: shape, limited: shape });
    return { bytes, shape: [1, 4, 10, 10] };
  },
  'moves of values': (writer) => {
    const first = writer.node('Relu', [convolution(writer, 'x', [16, 4, 3, 3], PADDED)]);
    const coarse = writer.node('SpaceToDepth', [first], { blocksize: 2 });
    const fine = writer.node('DepthToSpace', [convolution(writer, coarse, [64, 64, 1, 1])], { blocksize: 2 });
    const scales = writer.floats([1, 1, 2, 2], [4]);
    const larger = writer.node('Resize', [fine, '', scales], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    const turned = writer.node('Transpose', [larger], { perm: [0, 1, 3, 2] });
    convolution(writer, turned, [4, 16, 3, 3], PADDED, 'y');
    return { bytes: writer.model(13, { x: [1, 4, 8, 8] }, { y: [1, 4, 16, 16] }), shape: [1, 4, 8, 8] };
  },
  'gates and smooth functions': (writer) => {
    const first = convolution(writer, 'x', [16, 8, 3, 3], PADDED);
    const gate = writer.node('HardSigmoid', [first], { alpha: { float: 0.2 }, beta: { float: 0.5 } });
    const second = convolution(writer, writer.node('Mul', [first, gate]), [16, 16, 1, 1]);
    const third = writer.node('Mul', [second, writer.node('Sigmoid', [second])]);
    const mean = writer.node('GlobalAveragePool', [third]);
    const scaled = writer.node('Mul', [
      third,
      writer.node('Sigmoid', [convolution(writer, mean, [16, 16, 1, 1])]),
    ]);
    convolution(writer, writer.node('LeakyRelu', [scaled]), [8, 16, 1, 1], {}, 'y');
    return { bytes: writer.model(13, { x: [1, 8, 10, 10] }, { y: [1, 8, 10, 10] }), shape: [1, 8, 10, 10] };
  },
  'operator set 9, with attributes that became inputs': (writer) => {
    const first = writer.node('Clip', [convolution(writer, 'x', [16, 8, 3, 3], PADDED)], {
      min: { float: 0 },
      max: { float: 6 },
    });
    const lines = writer.node('Squeeze', [writer.node('GlobalAveragePool', [first])], { axes: [2, 3] });
    writer.node('Gemm', [lines, weights(writer, [16, 32]), bias(writer, 32)], {}, 'y');
    return { bytes: writer.model(9, { x: [1, 8, 10, 10] }, { y: [1, 32] }), shape: [1, 8, 10, 10] };
  },
  'a loop that reads what is around it': (writer) => {
    const first = writer.node('Relu', [convolution(writer, 'x', [8, 4, 3, 3], PADDED)]);
    const float = (name: string): ReturnType<typeof makeValueInfo> => makeValueInfo(name, DATA_TYPE.float32);
    const body = makeGraph({
      name: 'body',
      input: [
        makeValueInfo('i', DATA_TYPE.int64, []),
        makeValueInfo('go', DATA_TYPE.bool, []),
        float('state'),
      ],
      node: [
        makeNode({ opType: 'Add', name: 'inner_add', input: ['state', first], output: ['next'] }),
        makeNode({ opType: 'Identity', name: 'inner_go', input: ['go'], output: ['go_on'] }),
      ],
      output: [makeValueInfo('go_on', DATA_TYPE.bool, []), float('next')],
    });
    const turns = writer.node('ReduceMax', [writer.ints([2])], { keepdims: 0 });
    const looped = writer.node('Loop', [turns, '', first], { body: { graph: body } });
    convolution(writer, looped, [16, 8, 3, 3], PADDED, 'y');
    return { bytes: writer.model(13, { x: [1, 4, 8, 8] }, { y: [1, 16, 8, 8] }), shape: [1, 4, 8, 8] };
  },
  'recurrent layers': (writer) => {
    const [hidden, size] = [16, 24];
    const long = writer.node(
      'LSTM',
      ['x', weights(writer, [1, 4 * hidden, size]), weights(writer, [1, 4 * hidden, hidden])],
      { hidden_size: hidden },
    );
    const flat = writer.node('Squeeze', [long, writer.ints([1])]);
    const gated = writer.node(
      'GRU',
      [flat, weights(writer, [1, 3 * hidden, hidden]), weights(writer, [1, 3 * hidden, hidden])],
      { hidden_size: hidden },
    );
    const steps = writer.node('Squeeze', [gated, writer.ints([1])]);
    writer.node('MatMul', [steps, weights(writer, [hidden, 64])], {}, 'y');
    return { bytes: writer.model(13, { x: ['t', 2, size] }, { y: ['t', 2, 64] }), shape: [6, 2, size] };
  },
};
