import {
  elementCount,
  isTensorType,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
  type TensorType,
} from '../../../core/index.ts';
import { ModelNotOnnxError } from '../errors.ts';
import { makeTensor } from './make.ts';
import { DATA_TYPE, type TensorProto } from './types.ts';

const TYPE_NAMES = new Map<number, TensorType>(
  Object.entries(DATA_TYPE).flatMap(([name, code]) => (isTensorType(name) ? [[code, name]] : [])),
);

/** The element type behind one of ONNX's numbers; undefined for strings and the types narrower than a byte. */
export function typeName(dataType: number): TensorType | undefined {
  return TYPE_NAMES.get(dataType);
}

/** Whether a tensor holds float32 values. */
export function isFloat32(tensor: TensorProto): boolean {
  return tensor.dataType === DATA_TYPE.float32;
}

/**
 * The values of a tensor, wherever ONNX put them. A view of the file's bytes where they are aligned.
 *
 * @throws {ModelNotOnnxError} when values and shape do not fit each other, or the type has no array here
 */
export function readTensor(tensor: TensorProto): Tensor {
  const type = typeName(tensor.dataType);
  if (type === undefined)
    throw new ModelNotOnnxError(
      `tensor ${tensor.name} has the element type ${tensor.dataType}, not a number's`,
    );
  const dims = tensor.dims.map(Number);
  const count = elementCount(dims);
  if (tensor.rawData.byteLength > 0 || count === 0) {
    try {
      return tensorFromBytes(type, dims, tensor.rawData);
    } catch (cause) {
      throw new ModelNotOnnxError(`tensor ${tensor.name} does not hold what its shape says`, { cause });
    }
  }
  const data = fieldValues(type, tensor);
  if (data.length !== count)
    throw new ModelNotOnnxError(`tensor ${tensor.name} holds ${data.length} values, its shape says ${count}`);
  return { type, dims, data };
}

/** A tensor of the given values, stored as raw little-endian bytes without copying them. */
export function writeTensor(name: string, tensor: Tensor): TensorProto {
  return makeTensor({
    name,
    dims: tensor.dims.map(BigInt),
    dataType: DATA_TYPE[tensor.type],
    rawData: tensorBytes(tensor),
  });
}

export function float32Tensor(
  name: string,
  values: readonly number[] | Float32Array,
  dims: number[],
): TensorProto {
  return writeTensor(name, { type: 'float32', dims, data: new Float32Array(values) });
}

export function int64Tensor(
  name: string,
  values: readonly (number | bigint)[],
  dims?: number[],
): TensorProto {
  const data = BigInt64Array.from(values.map(BigInt));
  return writeTensor(name, { type: 'int64', dims: dims ?? [data.length], data });
}

/** TensorProto's typed fields: narrow integers, booleans and the bits of float16 share `int32_data`. */
function fieldValues(type: TensorType, tensor: TensorProto): Tensor['data'] {
  switch (type) {
    case 'float32':
      return Float32Array.from(tensor.floatData);
    case 'float64':
      return Float64Array.from(tensor.doubleData);
    case 'int64':
      return BigInt64Array.from(tensor.int64Data);
    case 'uint64':
      return BigUint64Array.from(tensor.uint64Data);
    case 'uint32':
      return Uint32Array.from(tensor.uint64Data, Number);
    case 'int32':
      return Int32Array.from(tensor.int32Data);
    case 'int16':
      return Int16Array.from(tensor.int32Data);
    case 'int8':
      return Int8Array.from(tensor.int32Data);
    case 'uint16':
    case 'float16':
      return Uint16Array.from(tensor.int32Data);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(tensor.int32Data);
  }
}
