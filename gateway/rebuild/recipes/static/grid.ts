import type { Histogram } from './histogram.ts';

/** The 256 values that an activation may take: `scale · (q − zero)` for q from 0 to 255. */
export interface Grid {
  scale: number;
  zero: number;
}

export interface Range {
  low: number;
  high: number;
}

const LEVELS = 255;
/** Significant bits of a scale. Fewer than float32 has, so that a last-bit difference between CPUs leaves no trace. */
const SCALE_BITS = 16;
/** An activation that never leaves this is zero. */
const SMALLEST_RANGE = 1e-30;
/** The parts of the observed range that are tried as limits. */
const SHARES = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3];
/** A shift that is smaller than this share of one step is no shift. */
const NO_SHIFT = 0.05;
/** The largest growth of the step that a shift on the grid may cost. */
const MAX_GROWTH = 1.25;

/**
 * Where the 256 levels end. `full` takes in all that was observed. `least-error` has the least mean squared error: it
 * cuts off what is rare and far out, against coarser steps for everything else. Neither is better on every model.
 */
export type Limits = 'full' | 'least-error';

/** The range to spread the levels over. Zero is always inside, since padding and ReLU need it exactly. */
export function rangeOf(histogram: Histogram, limits: Limits): Range {
  const low = Math.min(0, histogram.min);
  const high = Math.max(0, histogram.max);
  if (!Number.isFinite(low) || !Number.isFinite(high) || high - low < SMALLEST_RANGE)
    return { low: 0, high: 1 };
  if (limits === 'full') return { low, high };
  let best: Range = { low, high };
  let bestError = Number.POSITIVE_INFINITY;
  for (const lowShare of low === 0 ? [1] : SHARES)
    for (const highShare of high === 0 ? [1] : SHARES) {
      const range = { low: low * lowShare, high: high * highShare };
      const error = squaredError(histogram, range);
      if (error < bestError) [best, bestError] = [range, error];
    }
  return best;
}

function squaredError(histogram: Histogram, { low, high }: Range): number {
  const rounding = ((high - low) / LEVELS) ** 2 / 12;
  let error = 0;
  histogram.forEach((centre, count) => {
    const beyond = centre < low ? low - centre : centre > high ? centre - high : 0;
    error += count * (rounding + beyond * beyond);
  });
  return error;
}

/** The grid over a range. */
export function gridOver({ low, high }: Range): Grid {
  const scale = coarse((high - low) / LEVELS);
  return { scale, zero: Math.min(LEVELS, Math.max(0, Math.round(-low / scale))) };
}

/**
 * A grid on which adding `shift` only moves the zero point, so that the addition costs nothing. Undefined where that
 * would make the steps too coarse.
 */
export function gridWithShift({ low, high }: Range, shift: number): Grid | undefined {
  const wide = { low: Math.min(low, -shift), high: Math.max(high, -shift) };
  const step = (wide.high - wide.low) / LEVELS;
  const steps = Math.floor(Math.abs(shift) / step);
  const scale = Math.abs(shift) < NO_SHIFT * step ? step : coarse(Math.abs(shift) / steps);
  if (!(scale <= ((high - low) / LEVELS) * MAX_GROWTH)) return undefined;
  const grid = { scale: coarse(scale), zero: Math.min(LEVELS, Math.max(0, Math.round(-wide.low / scale))) };
  return shifted(grid, shift) === undefined ? undefined : grid;
}

/** The same 256 levels read as values that are `shift` larger; undefined where zero would not be one of them. */
export function shifted({ scale, zero }: Grid, shift: number): Grid | undefined {
  const steps = shift / scale;
  if (Math.abs(steps - Math.round(steps)) > NO_SHIFT) return undefined;
  const moved = zero - Math.round(steps);
  return moved < 0 || moved > LEVELS ? undefined : { scale, zero: moved };
}

/** Rounds to `SCALE_BITS` significant bits. */
export function coarse(value: number): number {
  if (value === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - SCALE_BITS + 1);
  return Math.fround(Math.round(value / unit) * unit);
}
