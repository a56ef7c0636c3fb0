import {
  InvalidInputError,
  isTensorType,
  type Tensor,
  tensorFromBytes,
  type TensorSpec,
  type TensorType,
} from '../../core/index.ts';
import type { Ort, OrtMetadata, OrtTensor } from './ort.ts';

/** A tensor as the runtime takes it, over the same memory. @throws {Error} of the runtime, for a wrong length */
export function toOrt(ort: Ort, tensor: Tensor): OrtTensor {
  return new ort.Tensor(tensor.type, floatBits(tensor), tensor.dims);
}

/**
 * A runtime's tensor over the same memory.
 *
 * @throws {InvalidInputError} for element types that floormesh has not: text, 4-bit numbers
 */
export function fromOrt(value: OrtTensor): Tensor {
  const { type, data } = value;
  if (!isTensorType(type) || !ArrayBuffer.isView(data))
    throw new InvalidInputError(`a tensor of ${String(type)} elements`);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return tensorFromBytes(type, [...value.dims], bytes);
}

/** What the runtime says of its inputs and outputs. Old versions of onnxruntime-web know the names only. */
export function specsOf(
  names: readonly string[],
  metadata: readonly OrtMetadata[] | undefined,
): TensorSpec[] {
  return names.map((name, index) => {
    const known = metadata?.[index];
    return { name, type: known?.type ?? 'other', shape: [...(known?.shape ?? [])] };
  });
}

const Float16Elements: unknown = Reflect.get(globalThis, 'Float16Array');

/** Where JavaScript has a Float16Array, the runtime wants that; floormesh holds the bits in a Uint16Array. */
function floatBits(tensor: Tensor): Tensor['data'] {
  const { type, data } = tensor;
  if (!isHalf(type) || typeof Float16Elements !== 'function') return data;
  return Reflect.construct(Float16Elements, [data.buffer, data.byteOffset, data.length]) as Tensor['data'];
}

function isHalf(type: TensorType): boolean {
  return type === 'float16';
}
