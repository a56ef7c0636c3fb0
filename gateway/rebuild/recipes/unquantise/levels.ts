import { readTensor, type TensorProto, typeName } from '../../onnx/index.ts';

/** How levels stand for values: value = (level − zero) · scale, for all of a tensor or for each index of one axis. */
export interface LevelScale {
  scale: TensorProto;
  /** Absent: 0. */
  zero?: TensorProto | undefined;
  axis: number;
}

/**
 * What the levels of a constant stand for.
 *
 * @returns undefined where scale or zero fit neither the whole tensor nor that axis, or have types that no array has
 */
export function valuesOf(levels: TensorProto, { scale, zero, axis }: LevelScale): Float32Array | undefined {
  const [all, scales] = [numbersOf(levels), numbersOf(scale)];
  const zeros = zero === undefined ? [0] : numbersOf(zero);
  if (all === undefined || scales === undefined || zeros === undefined) return undefined;
  const dims = levels.dims.map(Number);
  const at = axis < 0 ? axis + dims.length : axis;
  const size = dims[at] ?? 1;
  const inner = dims.slice(at + 1).reduce((product, dim) => product * dim, 1);
  for (const { length } of [scales, zeros]) if (length !== 1 && length !== size) return undefined;
  const values = new Float32Array(all.length);
  for (let i = 0; i < values.length; i += 1) {
    const index = Math.floor(i / inner) % size;
    const one = scales[scales.length === 1 ? 0 : index] ?? 0;
    values[i] = ((all[i] ?? 0) - (zeros[zeros.length === 1 ? 0 : index] ?? 0)) * one;
  }
  return values;
}

/**
 * The value at which levels end, where the lowest of them stands for 0: such a quantisation does what a Relu or Clip
 * before it did, and whoever quantised the model may have left that out.
 */
export function ceilingOf({ scale, zero }: Omit<LevelScale, 'axis'>): number | undefined {
  const zeros = zero === undefined ? [0] : numbersOf(zero);
  const scales = numbersOf(scale);
  const range = RANGES[zero === undefined ? 'uint8' : (typeName(zero.dataType) ?? '')];
  if (scales?.length !== 1 || zeros?.length !== 1 || range === undefined || zeros[0] !== range[0])
    return undefined;
  return Math.fround((range[1] - range[0]) * (scales[0] ?? 0));
}

const RANGES: Record<string, [lowest: number, highest: number]> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
};

/** The numbers of a constant, whatever their type; undefined for types that no array has, and 64 bits. */
export function numbersOf(tensor: TensorProto): ArrayLike<number> | undefined {
  if (typeName(tensor.dataType) === undefined) return undefined;
  const { type, data } = readTensor(tensor);
  return type === 'float16' || data instanceof BigInt64Array || data instanceof BigUint64Array
    ? undefined
    : data;
}
