/** The largest finite float16. */
export const LARGEST_HALF = 65_504;

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/**
 * The bits of the float16 nearest to a number (IEEE 754 binary16, ties to even). What is too large becomes infinite.
 */
export function halfBits(value: number): number {
  float[0] = value;
  const word = bits[0] ?? 0;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below the smallest normal float16: a whole number of 2^-24.
    const units = Math.abs(value) * 2 ** 24;
    return sign | roundToEven(units);
  }
  const rebased = magnitude - 0x38000000;
  const odd = (rebased >>> 13) & 1;
  return sign | ((rebased + 0xfff + odd) >>> 13);
}

/** Values as the bits of float16. */
export function toHalf(values: Float32Array): Uint16Array {
  // Not Uint16Array.from, which makes a list of all values first: of a large tensor, hundreds of MB.
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i += 1) halves[i] = halfBits(values[i] ?? 0);
  return halves;
}

/** The number that the bits of a float16 stand for. */
export function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
