import {
  type AttributeValue,
  DATA_TYPE,
  encodeModel,
  float32Tensor,
  type GraphProto,
  int64Tensor,
  makeEntry,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
  type NodeProto,
  type TensorProto,
} from '../../gateway/rebuild/onnx/index.ts';
import { noise } from './onnx-graphs.ts';

/** Models that are wrong, by what is wrong with them. All have the input `x` [1, 64] and the output `y` [1, 64]. */

export const WIDTH = 64;
export const SHAPE = [1, WIDTH];

/** A dense layer from `x` to `y`: what there would be to rebuild, were it not for the rest. */
export function layer(input = 'x', output = 'y'): NodeProto {
  return makeNode({ opType: 'MatMul', name: `layer_${output}`, input: [input, 'w'], output: [output] });
}

export function weights(): TensorProto {
  return float32Tensor('w', noise(WIDTH * WIDTH, 1), [WIDTH, WIDTH]);
}

export function node(
  opType: string,
  input: string[],
  output: string,
  attributes: Record<string, AttributeValue> = {},
): NodeProto {
  return makeNode({ opType, name: `${opType}_${output}`, input, output: [output], attributes });
}

export function graphOf(nodes: NodeProto[], initializers: TensorProto[] = [weights()]): GraphProto {
  return makeGraph({
    name: 'hostile',
    node: nodes,
    initializer: initializers,
    input: [makeValueInfo('x', DATA_TYPE.float32, SHAPE)],
    output: [makeValueInfo('y', DATA_TYPE.float32, SHAPE)],
  });
}

export function modelOf(nodes: NodeProto[], initializers?: TensorProto[]): Uint8Array {
  return encodeModel(makeModel(graphOf(nodes, initializers), { '': 13 }));
}

/** The model that the others are wrong forms of. */
export function soundModel(): Uint8Array {
  return modelOf([layer()]);
}

/** A node that no runtime knows what to do with: only a runtime can tell. */
export function unknownOperator(): Uint8Array {
  return modelOf([layer('x', 'a'), node('Pancake', ['a'], 'y')]);
}

/** Wrong in what the file says. A recipe refuses each, whether or not it has something to do in it. */
export const BROKEN_MODELS: Readonly<Record<string, () => Uint8Array>> = {
  'no model at all': () => new TextEncoder().encode('%PDF-1.7 this is another format'),
  'an empty file': () => new Uint8Array(),
  'a file that is cut off': () => soundModel().subarray(0, 9000),
  'a file that is cut off early': () => soundModel().subarray(0, 60),
  'a newer format': () => encodeModel(makeModel(graphOf([layer()]), { '': 13 }, { irVersion: 99 })),
  'nodes that wait for each other': () =>
    modelOf([
      layer('x', 'a'),
      node('Add', ['a', 'c'], 'b'),
      node('Relu', ['b'], 'c'),
      node('Neg', ['c'], 'y'),
    ]),
  'a node that waits for itself': () => modelOf([layer('x', 'a'), node('Add', ['a', 'y'], 'y')]),
  'a value that nothing makes': () => modelOf([layer('x', 'a'), node('Add', ['a', 'nowhere'], 'y')]),
  'weights that are missing': () => modelOf([layer()], []),
  'an output that nothing makes': () => modelOf([layer('x', 'a')]),
  'a value that is made twice': () => modelOf([layer(), node('Relu', ['x'], 'y')]),
  'two weights of one name': () => modelOf([layer()], [weights(), weights()]),
  'weights of text where numbers are due': () =>
    modelOf(
      [layer()],
      [
        makeTensor({
          name: 'w',
          dims: [64n, 64n],
          dataType: DATA_TYPE.string,
          stringData: Array.from({ length: WIDTH * WIDTH }, () => new Uint8Array([65])),
        }),
      ],
    ),
  'integer weights where fractions are due': () =>
    modelOf([layer()], [int64Tensor('w', new Array(WIDTH * WIDTH).fill(1), [WIDTH, WIDTH])]),
  'weights shorter than their shape': () => modelOf([layer()], [{ ...weights(), dims: [64n, 128n] }]),
  'weights of a negative shape': () => modelOf([layer()], [{ ...weights(), dims: [-64n, -64n] }]),
  'weights of a shape beyond all memory': () =>
    modelOf([layer()], [{ ...weights(), dims: [1n << 40n, 1n << 40n], rawData: new Uint8Array() }]),
};

/** Weights in files that are none of the model's business. */
export function externalModel(location: string): Uint8Array {
  const entries = { location, offset: '0', length: String(WIDTH * WIDTH * 4) };
  const external = makeTensor({
    name: 'w',
    dims: [64n, 64n],
    dataType: DATA_TYPE.float32,
    dataLocation: 1,
  });
  external.externalData = Object.entries(entries).map(([key, value]) => makeEntry(key, value));
  return modelOf([layer()], [external]);
}
