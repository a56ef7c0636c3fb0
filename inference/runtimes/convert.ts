import {
  InvalidInputError,
  isTensorType,
  type Tensor,
  tensorFromBytes,
  type TensorSpec,
} from '../../core/index.ts';
import type { Ort, OrtMetadata, OrtTensor } from './ort.ts';

/** A tensor as the runtime takes it, over the same memory. @throws {Error} of the runtime, for a wrong length */
export function toOrt(ort: Ort, tensor: Tensor): OrtTensor {
  const made = new ort.Tensor(tensor.type, tensor.data, tensor.dims);
  // Where JavaScript has a Float16Array, the runtime's own tensor turns the bits into one, of which the native half of
  // onnxruntime-node 1.30 reads no byte ("expected 6, got 0"). It does read the bits.
  if (tensor.type === 'float16') Object.defineProperty(made, 'data', { value: tensor.data });
  return made;
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
