import { elementCount, type Tensor, tensorFromBytes, type TensorType } from '../../core/index.ts';
import { SampleSourceError } from './errors.ts';

const MAGIC = '\u0093NUMPY';
const MAX_HEADER_BYTES = 64 * 1024;

/** NumPy's names of element types, byte order left out. */
const TYPES: Record<string, TensorType> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/**
 * An array as NumPy's `save` writes it (NEP 1, versions 1 to 3 of the format). Views the bytes where they are aligned.
 *
 * @param name of the file, for messages
 * @throws {SampleSourceError} for what is no such file, big-endian, in column-major order, or of no element type here
 */
export function parseNpy(bytes: Uint8Array, name: string): Tensor {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.toString('latin1', 0, 6) !== MAGIC || buffer.length < 12)
    throw new SampleSourceError(`${name} is no .npy file`);
  const long = (buffer[6] ?? 0) >= 2;
  const start = long ? 12 : 10;
  const length = long ? buffer.readUInt32LE(8) : buffer.readUInt16LE(8);
  if (length > MAX_HEADER_BYTES || start + length > buffer.length)
    throw new SampleSourceError(`${name} is cut off`);
  const header = buffer.toString('latin1', start, start + length);
  const [, order = '', code = ''] = /'descr':\s*'([<>|=]?)([a-z]\d+)'/.exec(header) ?? [];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  const type = TYPES[code];
  if (type === undefined || shape === undefined)
    throw new SampleSourceError(`${name} holds no array of numbers: ${header.trim().slice(0, 100)}`);
  if (order === '>') throw new SampleSourceError(`${name} is big-endian`);
  if (!/'fortran_order':\s*False/.test(header))
    throw new SampleSourceError(`${name} is in column-major order`, {
      hint: 'Save numpy.ascontiguousarray(array) instead.',
    });
  const dims = shape.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  const data = bytes.subarray(start + length);
  if (type === 'float64' && data.byteLength === elementCount(dims) * 8) return narrowed(dims, data);
  return tensorFromBytes(type, dims, data);
}

/** NumPy computes in float64 unless it is told otherwise, and models do not. */
function narrowed(dims: number[], bytes: Uint8Array): Tensor {
  const { data } = tensorFromBytes('float64', dims, bytes);
  return { type: 'float32', dims, data: Float32Array.from(data as Float64Array) };
}
