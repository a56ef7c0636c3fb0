import type { Tensor, Tensors } from '../../core/index.ts';

/** Below this a result counts as zero: distances are not measured in shares of it. */
const SMALLEST_PEAK = 1e-3;

/**
 * The largest distance between values of the same place, as a share of the largest value of the same tensor. Infinite
 * where a tensor is missing, has another type or shape, or is no number where the other is one.
 */
export function furthest(wanted: Tensors, got: Tensors): number {
  return Math.max(0, ...Object.entries(wanted).map(([name, tensor]) => distance(tensor, got[name])));
}

function distance(wanted: Tensor, got: Tensor | undefined): number {
  if (got?.type !== wanted.type || got.dims.join() !== wanted.dims.join()) return Number.POSITIVE_INFINITY;
  const [a, b] = [numbersOf(wanted), numbersOf(got)];
  let peak = SMALLEST_PEAK;
  let largest = 0;
  a.forEach((value, i) => {
    const other = b[i] ?? Number.NaN;
    if (Number.isFinite(value)) peak = Math.max(peak, Math.abs(value));
    if (Object.is(value, other)) return;
    const off = Math.abs(value - other);
    largest = Math.max(largest, Number.isFinite(off) ? off : Number.POSITIVE_INFINITY);
  });
  return largest / peak;
}

function numbersOf({ type, data }: Tensor): Float64Array {
  return Float64Array.from(data, type === 'float16' ? (bits) => fromHalf(Number(bits)) : Number);
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
