import type { SummedView } from './view.ts';

/** Largest magnitude of a level: -128 is left out, so that both signs have the same reach. */
const LEVELS = 127;
/** Below this a block of weights is dead: exporters leave denormals there, which only slow a CPU down. */
const SMALLEST_PEAK = 1e-30;

/**
 * The scale of every block of `block` weights along the middle axis, as [outer, length / block, inner]. A block of zeros
 * has 1.
 *
 * @param block divides the view's length
 * @param round brings a scale to a number that can be stored
 */
export function blockScales(
  weights: Float32Array,
  view: SummedView,
  block: number,
  round: (scale: number) => number = Math.fround,
): Float32Array {
  const scales = blockPeaks(weights, view, block);
  return scales.map((peak) => (peak < SMALLEST_PEAK ? 1 : round(peak / LEVELS)));
}

/** The levels nearest to the weights, as `scale · level`, in the order of the weights. */
export function blockLevels(
  weights: Float32Array,
  { outer, length, inner }: SummedView,
  block: number,
  scales: Float32Array,
): Int8Array {
  const levels = new Int8Array(weights.length);
  for (let row = 0; row < outer * length; row += 1) {
    const [from, to] = [row * inner, Math.floor(row / block) * inner];
    for (let i = 0; i < inner; i += 1)
      levels[from + i] = levelOf(weights[from + i] ?? 0, scales[to + i] ?? 1);
  }
  return levels;
}

/** The largest magnitude in every block. */
export function blockPeaks(
  weights: Float32Array,
  { outer, length, inner }: SummedView,
  block: number,
): Float32Array {
  const peaks = new Float32Array((outer * length * inner) / block);
  for (let row = 0; row < outer * length; row += 1) {
    const [from, to] = [row * inner, Math.floor(row / block) * inner];
    for (let i = 0; i < inner; i += 1)
      peaks[to + i] = Math.max(peaks[to + i] ?? 0, Math.abs(weights[from + i] ?? 0));
  }
  return peaks;
}

/** How far the quantised weights are off, as a share of the weights: roots of mean squares. */
export function blockError(weights: Float32Array, view: SummedView, block: number): number {
  const { outer, length, inner } = view;
  const scales = blockScales(weights, view, block);
  let [error, power] = [0, 0];
  for (let row = 0; row < outer * length; row += 1) {
    const [from, to] = [row * inner, Math.floor(row / block) * inner];
    for (let i = 0; i < inner; i += 1) {
      const [weight, scale] = [weights[from + i] ?? 0, scales[to + i] ?? 1];
      error += (weight - levelOf(weight, scale) * scale) ** 2;
      power += weight ** 2;
    }
  }
  return power === 0 ? 0 : Math.sqrt(error / power);
}

/** The largest divisor of `length` that is at most `limit`. */
export function largestDivisor(length: number, limit: number): number {
  for (let divisor = Math.min(length, limit); divisor > 1; divisor -= 1)
    if (length % divisor === 0) return divisor;
  return 1;
}

function levelOf(weight: number, scale: number): number {
  return Math.min(LEVELS, Math.max(-LEVELS, Math.round(weight / scale)));
}
