import {
  decode,
  encode,
  InvalidInputError,
  isTensorType,
  MAX_SAMPLE_SET_BYTES,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
  type Tensors,
} from '../core/index.ts';
import { isRecord } from './channel/messages.ts';

/** What a model must give for some inputs, by its publisher. */
export interface GoldenCase {
  inputs: Tensors;
  outputs: Tensors;
}

const MAX_CASES = 1000;
const MAX_DIMS = 8;

/** Encodes golden cases as CBOR: `{version: 1, cases: [{inputs, outputs}]}`. */
export function encodeGolden(cases: readonly GoldenCase[]): Uint8Array {
  return encode({
    version: 1,
    cases: cases.map(({ inputs, outputs }) => ({
      inputs: packTensors(inputs),
      outputs: packTensors(outputs),
    })),
  });
}

/** @throws {MessageTooLargeError} @throws {InvalidInputError} */
export function decodeGolden(bytes: Uint8Array): GoldenCase[] {
  const value = decode(bytes, MAX_SAMPLE_SET_BYTES);
  if (!isRecord(value) || value['version'] !== 1 || !Array.isArray(value['cases']))
    throw new InvalidInputError('golden cases: not version 1 with a list of cases');
  const cases: unknown[] = value['cases'];
  if (cases.length > MAX_CASES) throw new InvalidInputError(`golden cases: more than ${MAX_CASES}`);
  return cases.map((one) => {
    if (!isRecord(one)) throw new InvalidInputError('golden cases: a case must be a map');
    return { inputs: unpackTensors(one['inputs']), outputs: unpackTensors(one['outputs']) };
  });
}

/** Tensors as plain data that CBOR carries without loss, over the same memory. */
export function packTensors(
  tensors: Tensors,
): Record<string, { type: string; dims: number[]; data: Uint8Array }> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { type: tensor.type, dims: tensor.dims, data: tensorBytes(tensor) },
    ]),
  );
}

/** @throws {InvalidInputError} when the value is not what `packTensors` gives */
export function unpackTensors(value: unknown): Tensors {
  if (!isRecord(value)) throw new InvalidInputError('tensors must be a map');
  return Object.fromEntries(
    Object.entries(value).map(([name, packed]) => [name, unpackTensor(name, packed)]),
  );
}

function unpackTensor(name: string, packed: unknown): Tensor {
  if (!isRecord(packed)) throw new InvalidInputError(`tensor ${name} must be a map`);
  const { type, dims, data } = packed;
  if (typeof type !== 'string' || !isTensorType(type))
    throw new InvalidInputError(`tensor ${name} has no known type`);
  if (
    !Array.isArray(dims) ||
    dims.length > MAX_DIMS ||
    !dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)
  )
    throw new InvalidInputError(`tensor ${name} has no valid dims`);
  if (!(data instanceof Uint8Array)) throw new InvalidInputError(`tensor ${name} has no bytes`);
  return tensorFromBytes(type, dims, data);
}
