import {
  float32Tensor,
  type GraphView,
  isFloat32,
  type NodeProto,
  readTensor,
  type TensorProto,
} from '../onnx/index.ts';

/** The values of a constant float32 tensor. */
export function floatsOf(tensor: TensorProto): Float32Array {
  const { data } = readTensor(tensor);
  if (!(data instanceof Float32Array)) throw new TypeError(`${tensor.name} is not float32`);
  return data;
}

/** The one value of a float32 constant that has only one, whatever its rank. */
export function scalarOf(tensor: TensorProto | undefined): number | undefined {
  if (tensor === undefined || !isFloat32(tensor)) return undefined;
  if (tensor.dims.some((dim) => dim !== 1n)) return undefined;
  return floatsOf(tensor)[0];
}

/** The inputs of a binary node as its variable one and its constant one. Undefined when not one of each. */
export function splitBinary(
  view: GraphView,
  node: NodeProto,
): { variable: string; constant: TensorProto; constantIndex: 0 | 1 } | undefined {
  const [left = '', right = ''] = node.input;
  const [leftConstant, rightConstant] = [view.constant(left), view.constant(right)];
  if (rightConstant !== undefined && leftConstant === undefined)
    return { variable: left, constant: rightConstant, constantIndex: 1 };
  if (leftConstant !== undefined && rightConstant === undefined)
    return { variable: right, constant: leftConstant, constantIndex: 0 };
  return undefined;
}

/**
 * A constant as one factor for each of `channels` channels of a tensor of that rank, channels at axis 1. Undefined when
 * it varies along another axis.
 */
export function perChannel(constant: TensorProto, channels: number, rank: number): Float32Array | undefined {
  if (!isFloat32(constant) || constant.dims.length > rank) return undefined;
  const dims = constant.dims.map(Number);
  const padded = [...Array<number>(rank - dims.length).fill(1), ...dims];
  const values = floatsOf(constant);
  if (values.length === 1) return new Float32Array(channels).fill(values[0] ?? 0);
  const fits = padded.every((size, axis) => (axis === 1 ? size === channels : size === 1));
  return fits ? values : undefined;
}

/** A float32 constant like `tensor` with other values. */
export function withFloats(tensor: TensorProto, name: string, values: Float32Array): TensorProto {
  return float32Tensor(name, values, tensor.dims.map(Number));
}
