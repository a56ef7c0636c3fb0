import {
  elementCount,
  isTensorType,
  type Tensor,
  tensorFromBytes,
  type Tensors,
  type TensorSpec,
} from '../../core/index.ts';

const MAX_ELEMENTS = 16 * 1024 * 1024;
const MAX_BYTES_PER_ELEMENT = 8;

/** Inputs of zeros for a model whose dimensions are all fixed; undefined for others. */
export function zeroInputs(specs: readonly TensorSpec[]): Tensors | undefined {
  const inputs: Tensors = {};
  for (const { name, type, shape } of specs) {
    if (!isTensorType(type) || !shape.every((dim) => typeof dim === 'number')) return undefined;
    const count = elementCount(shape);
    if (count > MAX_ELEMENTS) return undefined;
    inputs[name] = zeros(type, shape, count);
  }
  return inputs;
}

function zeros(type: Tensor['type'], dims: number[], count: number): Tensor {
  const widest = new Uint8Array(count * MAX_BYTES_PER_ELEMENT);
  const bytesPerElement = tensorFromBytes(type, [0], new Uint8Array()).data.BYTES_PER_ELEMENT;
  return tensorFromBytes(type, dims, widest.subarray(0, count * bytesPerElement));
}
