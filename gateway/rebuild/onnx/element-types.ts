import { DATA_TYPE } from './types.ts';

/** Bits of one element, by TensorProto.DataType. Strings have no fixed size and are not here. */
const ELEMENT_BITS = new Map<number, number>([
  ...bitsOf(2, 'uint2', 'int2'),
  ...bitsOf(4, 'uint4', 'int4', 'float4e2m1'),
  ...bitsOf(8, 'uint8', 'int8', 'bool', 'float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'),
  ...bitsOf(8, 'float8e8m0'),
  ...bitsOf(16, 'uint16', 'int16', 'float16', 'bfloat16'),
  ...bitsOf(32, 'float32', 'int32', 'uint32'),
  ...bitsOf(64, 'float64', 'int64', 'uint64', 'complex64'),
  ...bitsOf(128, 'complex128'),
]);

/** Bits of one element of a type; undefined for strings and for what ONNX does not have. */
export function elementBits(dataType: number): number | undefined {
  return ELEMENT_BITS.get(dataType);
}

/** Whether ONNX has an element type of that number. */
export function isDataType(dataType: number): boolean {
  return ELEMENT_BITS.has(dataType) || dataType === DATA_TYPE.string;
}

/**
 * Bytes that `count` elements take as raw data; elements narrower than a byte are packed, the last byte filled up.
 * Undefined as for `elementBits`.
 */
export function rawByteLength(dataType: number, count: number): number | undefined {
  const bits = elementBits(dataType);
  return bits === undefined ? undefined : Math.ceil((count * bits) / 8);
}

function bitsOf(bits: number, ...names: (keyof typeof DATA_TYPE)[]): [number, number][] {
  return names.map((name) => [DATA_TYPE[name], bits]);
}
