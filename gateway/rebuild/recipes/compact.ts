import {
  capturedBy,
  DATA_TYPE,
  float32Tensor,
  type GraphProto,
  intAttribute,
  isFloat32,
  isStandard,
  makeNode,
  NameBook,
  type NodeProto,
  type TensorProto,
  writeTensor,
} from '../onnx/index.ts';
import { floatsOf } from './constants.ts';
import { halfValue, LARGEST_HALF, toHalf } from './half.ts';
import { quantizeWeights } from './weights.ts';

/** Constants with fewer elements than this are not worth a node. */
const SMALLEST = 256;
/** Mean squared rounding error, as a share of the mean square, that shows numbers too small for float16. */
const LARGEST_ERROR = 1e-6;

/**
 * How fp32 constants are stored. `half`: as float16, rounded to 11 bits. `bytes`: weights as int8, each output channel
 * with its own scale, and the rest as float16.
 */
export type Storage = 'half' | 'bytes';

/** A constant in its stored form, and the nodes that make the float32 tensor of its old name from it. */
interface Stored {
  tensors: TensorProto[];
  nodes: NodeProto[];
}

/**
 * Stores the large fp32 constants of a graph in fewer bytes, each behind nodes that turn it back. The work of running
 * the model stays the same, since a runtime does that once, when it loads it. Left alone are constants that float16
 * cannot hold well, and the scales of 8-bit values, which must be constants.
 *
 * @param names the names that are taken in the whole model, where the graph is a part of it
 * @param leave further constants that are left alone
 * @returns the bytes that were saved
 */
export function storeSmaller(
  graph: GraphProto,
  storage: Storage,
  names = new NameBook(graph),
  leave: ReadonlySet<string> = new Set(),
): number {
  const fixed = new Set([...graph.input, ...graph.output].map(({ name }) => name));
  for (const name of leave) fixed.add(name);
  const axes = new Map<string, number>();
  for (const node of graph.node) {
    const quantises = isStandard(node, 'QuantizeLinear', 'DequantizeLinear');
    for (const name of quantises ? node.input : capturedBy(node)) fixed.add(name);
    const axis = storage === 'bytes' ? channelAxis(node) : undefined;
    if (axis !== undefined) axes.set(node.input[1] ?? '', axis);
  }
  const nodes: NodeProto[] = [];
  let saved = 0;
  graph.initializer = graph.initializer.flatMap((tensor) => {
    const elements = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
    if (fixed.has(tensor.name) || !isFloat32(tensor) || elements < SMALLEST) return [tensor];
    const axis = axes.get(tensor.name);
    const stored =
      axis === undefined
        ? asHalf(tensor, names)
        : asBytes(tensor, axis < 0 ? tensor.dims.length + axis : axis, names);
    if (stored === undefined) return [tensor];
    nodes.push(...stored.nodes);
    saved += 4 * elements - stored.tensors.reduce((sum, { rawData }) => sum + rawData.byteLength, 0);
    return stored.tensors;
  });
  graph.node = [...nodes, ...graph.node];
  return saved;
}

/** The same with float16 for all. */
export function storeAsHalf(graph: GraphProto, names?: NameBook, leave?: ReadonlySet<string>): number {
  return storeSmaller(graph, 'half', names, leave);
}

/** The axis of a node's second input that counts output channels; from the end where it is negative. */
function channelAxis(node: NodeProto): number | undefined {
  if (isStandard(node, 'Conv')) return 0;
  if (isStandard(node, 'MatMul')) return -1;
  if (isStandard(node, 'Gemm')) return intAttribute(node, 'transB', 0) === 1 ? 0 : 1;
  return isStandard(node, 'ConvTranspose') && intAttribute(node, 'group', 1) === 1 ? 1 : undefined;
}

function asHalf(tensor: TensorProto, names: NameBook): Stored | undefined {
  const values = floatsOf(tensor);
  const data = toHalf(values);
  let [error, square] = [0, 0];
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (!(Math.abs(value) <= LARGEST_HALF)) return undefined;
    error += (value - halfValue(data[i]!)) ** 2;
    square += value ** 2;
  }
  if (error > LARGEST_ERROR * square) return undefined;
  const half = writeTensor(names.take(`${tensor.name}_half`), {
    type: 'float16',
    dims: tensor.dims.map(Number),
    data,
  });
  return { tensors: [half], nodes: [castNode(half.name, tensor.name, names)] };
}

function asBytes(tensor: TensorProto, axis: number, names: NameBook): Stored {
  const dims = tensor.dims.map(Number);
  const { values, scales } = quantizeWeights(floatsOf(tensor), dims, axis);
  const shape = dims.map((size, i) => (i === axis ? size : 1));
  const bytes = writeTensor(names.take(`${tensor.name}_bytes`), { type: 'int8', dims, data: values });
  const scale = float32Tensor(names.take(`${tensor.name}_steps`), scales, shape);
  const cast = castNode(bytes.name, names.take(`${tensor.name}_levels`), names);
  const product = makeNode({
    opType: 'Mul',
    name: names.take(`${tensor.name}_scale`),
    input: [cast.output[0] ?? '', scale.name],
    output: [tensor.name],
  });
  return { tensors: [bytes, scale], nodes: [cast, product] };
}

function castNode(from: string, to: string, names: NameBook): NodeProto {
  const attributes = { to: DATA_TYPE.float32 };
  return makeNode({
    opType: 'Cast',
    name: names.take(`${to}_cast`),
    input: [from],
    output: [to],
    attributes,
  });
}
