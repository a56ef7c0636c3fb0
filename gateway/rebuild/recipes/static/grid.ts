/** The 256 values that an activation may take: `scale · (q − zero)` for q from 0 to 255. */
export interface Grid {
  scale: number;
  zero: number;
}

export interface Range {
  low: number;
  high: number;
}

/** Steps between the first and the last of 256 levels. */
export const LEVELS = 255;
/** The level that stands for zero where the grid is symmetric. The lowest level is not used then. */
const MIDDLE = 128;
/** Of a range whose smaller side is below this share of the larger, zero is not in the middle. */
const LOPSIDED = 0.25;
/** Significant bits of a scale. Fewer than float32 has, so that a last-bit difference between CPUs leaves no trace. */
const SCALE_BITS = 16;
/** A shift that is smaller than this share of one step is no shift. */
const NO_SHIFT = 0.05;
/** The largest growth of the step that a shift on the grid may cost. */
const MAX_GROWTH = 1.25;

/**
 * The grid over a range. A symmetric one has zero in its middle, unless hardly anything lies on one side of it: after a
 * ReLU or one of its kin half of the levels would stand for nothing.
 */
export function gridOver({ low, high }: Range, symmetric = false): Grid {
  const [smaller, larger] = [Math.min(-low, high), Math.max(-low, high)];
  if (symmetric && smaller > LOPSIDED * larger)
    return { scale: coarse(larger / (LEVELS - MIDDLE)), zero: MIDDLE };
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
