import { DATA_TYPE, float32Tensor, type ModelFile, type NameBook, type NodeProto } from '../../onnx/index.ts';
import { floatsOf } from '../constants.ts';
import { halfBits, halfValue, LARGEST_HALF, toHalf } from '../half.ts';
import { blockPeaks } from './blocks.ts';
import type { FoundConstant } from './find.ts';
import { shortNames, step, type StoredForm } from './replace.ts';
import { isWeight, type SummedView, summedView } from './view.ts';

const SMALLEST_NORMAL_HALF = 2 ** -14;
/** Below this a channel's weights are dead. */
const SMALLEST_PEAK = 1e-30;
/**
 * The share of a slice's length that may get lost because it is below float16's normal numbers. Rounding the others
 * takes 2^-12 in any case.
 */
const MAX_LOSS = 2 ** -9;

/** Whether float16 holds a number at its full precision. */
export function isNormalHalf(value: number): boolean {
  const magnitude = Math.abs(value);
  return magnitude >= SMALLEST_NORMAL_HALF && magnitude <= LARGEST_HALF;
}

/** The nearest float16. */
export function roundHalf(value: number): number {
  return halfValue(halfBits(value));
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
  // Not the values themselves: what is returned must not keep them in memory.
  const way = wayOf(floatsOf(file.load(tensor)), constant);
  if (way === undefined) return undefined;
  const take = shortNames(names, number);
  const fields = { name: take('h'), dims: tensor.dims, dataType: DATA_TYPE.float16 };
  const half = file.later(fields, () => {
    const values = floatsOf(file.load(tensor));
    return new Uint8Array(toHalf(way === 'plain' ? values : divided(values, way)).buffer);
  });
  const cast = (output: string): NodeProto => step('Cast', [half.name], output, { to: DATA_TYPE.float32 });
  if (way === 'plain') return { tensors: [half], nodes: [cast(name)] };
  const { view, factors } = way;
  const shape = tensor.dims.map((size, axis) => (axis >= view.from && axis < view.to ? 1 : Number(size)));
  const scale = float32Tensor(take('s'), factors, shape);
  const floats = take('f');
  return { tensors: [half, scale], nodes: [cast(floats), step('Mul', [floats, scale.name], name)] };
}

/** A power of two for each channel. */
interface Factors {
  view: SummedView;
  factors: Float32Array;
}

function wayOf(values: Float32Array, constant: FoundConstant): 'plain' | Factors | undefined {
  if (!isWeight(constant)) {
    const fits = slices(constant.tensor.dims.map(Number)).every((view) => fitsHalf(values, view));
    return fits ? 'plain' : undefined;
  }
  const view = summedView(constant);
  if (fitsHalf(values, view)) return 'plain';
  if (!values.every(Number.isFinite)) return undefined;
  return { view, factors: blockPeaks(values, view, view.length).map(powerOfTwo) };
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
  const [lost, power] = [new Float64Array(outer * inner), new Float64Array(outer * inner)];
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    if (!Number.isFinite(value)) continue;
    if (Math.abs(value) > LARGEST_HALF) return false;
    const slice = Math.floor(i / (length * inner)) * inner + (i % inner);
    power[slice] = (power[slice] ?? 0) + value ** 2;
    if (Math.abs(value) < SMALLEST_NORMAL_HALF && value !== 0)
      lost[slice] = (lost[slice] ?? 0) + (value - roundHalf(value)) ** 2;
  }
  return lost.every((each, slice) => {
    const all = power[slice] ?? 0;
    return all < SMALLEST_PEAK ** 2 || each <= MAX_LOSS ** 2 * all;
  });
}

/** The power of two that brings a peak to between 1 and 2. */
function powerOfTwo(peak: number): number {
  return peak < SMALLEST_PEAK ? 1 : 2 ** Math.floor(Math.log2(peak));
}

function divided(values: Float32Array, { view: { length, inner }, factors }: Factors): Float32Array {
  return values.map((value, i) => {
    const slice = Math.floor(i / (length * inner)) * inner + (i % inner);
    return value / (factors[slice] ?? 1);
  });
}
