import {
  capturedBy,
  DATA_TYPE,
  type GraphProto,
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

/** Constants with fewer elements than this are not worth a node. */
const SMALLEST = 256;
/** Mean squared rounding error, as a share of the mean square, that shows numbers too small for float16. */
const LARGEST_ERROR = 1e-6;

/**
 * Stores the large fp32 constants of a graph as float16, each behind a Cast: half the bytes, and the same work, since a
 * runtime turns them back once, when it loads the model. Left alone are those that float16 cannot hold well, and the
 * scales of 8-bit values, which must be constants.
 *
 * @param names the names that are taken in the whole model, where the graph is a part of it
 * @param leave further constants that are left alone
 * @returns the bytes that were saved
 */
export function storeAsHalf(
  graph: GraphProto,
  names = new NameBook(graph),
  leave: ReadonlySet<string> = new Set(),
): number {
  const fixed = new Set([...graph.input, ...graph.output].map(({ name }) => name));
  for (const name of leave) fixed.add(name);
  for (const node of graph.node) {
    const quantises = isStandard(node, 'QuantizeLinear', 'DequantizeLinear');
    for (const name of quantises ? node.input : capturedBy(node)) fixed.add(name);
  }
  const casts: NodeProto[] = [];
  let saved = 0;
  graph.initializer = graph.initializer.map((tensor) => {
    const half = fixed.has(tensor.name) ? undefined : asHalf(tensor, () => names.take(`${tensor.name}_half`));
    if (half === undefined) return tensor;
    saved += half.rawData.byteLength;
    casts.push(
      makeNode({
        opType: 'Cast',
        name: names.take(`${tensor.name}_cast`),
        input: [half.name],
        output: [tensor.name],
        attributes: { to: DATA_TYPE.float32 },
      }),
    );
    return half;
  });
  graph.node = [...casts, ...graph.node];
  return saved;
}

function asHalf(tensor: TensorProto, name: () => string): TensorProto | undefined {
  const count = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  if (!isFloat32(tensor) || count < SMALLEST) return undefined;
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
  return writeTensor(name(), { type: 'float16', dims: tensor.dims.map(Number), data });
}
