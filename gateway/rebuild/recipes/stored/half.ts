import { DATA_TYPE, float32Tensor, type ModelFile, type NameBook } from '../../onnx/index.ts';
import { floatsOf } from '../constants.ts';
import { halfBits, LARGEST_HALF, toHalf } from '../half.ts';
import { blockPeaks } from './blocks.ts';
import type { FoundConstant } from './find.ts';
import { shortNames, step, type StoredForm } from './replace.ts';
import { isWeight, type SummedView, summedView } from './view.ts';

const SMALLEST_NORMAL_HALF = 2 ** -14;
/** Below this a channel's weights are dead. */
const SMALLEST_PEAK = 1e-30;
/**
 * The share of a slice's length that rounding may take. Rounding normal numbers takes 2^-12; more than this means that
 * much of the slice is below float16's normal numbers, or gone.
 */
const MAX_ERROR = 2 ** -9;

/** Whether float16 holds a number at its full precision. */
export function isNormalHalf(value: number): boolean {
  const magnitude = Math.abs(value);
  return magnitude >= SMALLEST_NORMAL_HALF && magnitude <= LARGEST_HALF;
}

/** The nearest float16. */
export function roundHalf(value: number): number {
  const bits = halfBits(value);
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/**
 * A constant as float16 and a Cast. Weights with a channel that float16 holds badly get a power of two for each channel
 * as a factor. Other constants count element by element: undefined when float16 does not hold those.
 */
export function halfForm(
  file: ModelFile,
  constant: FoundConstant,
  names: NameBook,
  number: number,
): StoredForm | undefined {
  const { name, tensor } = constant;
  const values = floatsOf(file.load(tensor));
  const dims = tensor.dims.map(Number);
  const weights = isWeight(constant);
  const views = weights ? [summedView(constant)] : slices(dims);
  const fits = views.every((view) => fitsHalf(values, view));
  if (!fits && (!weights || !values.every(Number.isFinite))) return undefined;
  const take = shortNames(names, number);
  const fields = { name: take('h'), dims: tensor.dims, dataType: DATA_TYPE.float16 };
  const load = (): Float32Array => floatsOf(file.load(tensor));
  if (fits) {
    const half = file.later(fields, () => new Uint8Array(toHalf(load()).buffer));
    return { tensors: [half], nodes: [step('Cast', [half.name], name, { to: DATA_TYPE.float32 })] };
  }
  const view = summedView(constant);
  const factors = blockPeaks(values, view, view.length).map(powerOfTwo);
  const half = file.later(fields, () => new Uint8Array(toHalf(divided(load(), view, factors)).buffer));
  const shape = dims.map((size, axis) => (axis >= view.from && axis < view.to ? 1 : size));
  const scale = float32Tensor(take('s'), factors, shape);
  const floats = take('f');
  const nodes = [
    step('Cast', [half.name], floats, { to: DATA_TYPE.float32 }),
    step('Mul', [floats, scale.name], name),
  ];
  return { tensors: [half, scale], nodes };
}

/** A tensor by its first axis, and by its last. */
function slices(dims: readonly number[]): SummedView[] {
  const [first = 1, last = 1] = [dims[0], dims.at(-1)];
  const rest = dims.reduce((product, size) => product * size, 1);
  return [
    { outer: first, length: rest / first, inner: 1, from: 1, to: dims.length },
    { outer: 1, length: rest / last, inner: last, from: 0, to: dims.length - 1 },
  ];
}

/** Whether every slice keeps its values but for a rounding. */
function fitsHalf(values: Float32Array, { outer, length, inner }: SummedView): boolean {
  const [error, power] = [new Float64Array(outer * inner), new Float64Array(outer * inner)];
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    if (!Number.isFinite(value)) continue;
    if (Math.abs(value) > LARGEST_HALF) return false;
    const slice = Math.floor(i / (length * inner)) * inner + (i % inner);
    error[slice] = (error[slice] ?? 0) + (value - roundHalf(value)) ** 2;
    power[slice] = (power[slice] ?? 0) + value ** 2;
  }
  return error.every((each, slice) => {
    const all = power[slice] ?? 0;
    return all < SMALLEST_PEAK ** 2 || each <= MAX_ERROR ** 2 * all;
  });
}

/** The power of two that brings a peak to between 1 and 2. */
function powerOfTwo(peak: number): number {
  return peak < SMALLEST_PEAK ? 1 : 2 ** Math.floor(Math.log2(peak));
}

function divided(values: Float32Array, { length, inner }: SummedView, factors: Float32Array): Float32Array {
  return values.map((value, i) => {
    const slice = Math.floor(i / (length * inner)) * inner + (i % inner);
    return value / (factors[slice] ?? 1);
  });
}
