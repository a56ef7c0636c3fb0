import { divergence } from './divergence.ts';
import { LEVELS, type Range } from './grid.ts';
import type { Histogram } from './histogram.ts';

/**
 * Where the 256 levels of an activation end. No way is the best on every model, so all are tried.
 *
 * - `full` takes in all that was observed.
 * - `least-error` has the least mean squared error: it cuts off what is rare and far out, for finer steps elsewhere.
 * - `percentile-…` cuts off that share of the observed values (Wu et al. 2020, "Integer quantization for deep learning
 *   inference", section 5.2).
 * - `entropy` has the least Kullback-Leibler divergence between the values before and after (Migacz 2017, "8-bit
 *   inference with TensorRT").
 */
export type Limits = 'full' | 'least-error' | 'percentile-99.99' | 'entropy' | 'percentile-99.9';

/** All of them, in the order in which they are tried. */
export const LIMITS: readonly Limits[] = [
  'full',
  'least-error',
  'percentile-99.99',
  'entropy',
  'percentile-99.9',
];

/** An activation that never leaves this is zero. */
const SMALLEST_RANGE = 1e-30;
/** The parts of the observed range that are tried as limits. */
const SHARES = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3];
/** Thresholds that are tried for the least divergence. */
const THRESHOLDS = 64;

/** The range to spread the levels over. Zero is always inside, since padding and ReLU need it exactly. */
export function rangeOf(histogram: Histogram, limits: Limits): Range {
  const full = { low: Math.min(0, histogram.min), high: Math.max(0, histogram.max) };
  const width = full.high - full.low;
  if (!Number.isFinite(width) || width < SMALLEST_RANGE) return { low: 0, high: 1 };
  switch (limits) {
    case 'full':
      return full;
    case 'least-error':
      return leastError(histogram, full);
    case 'percentile-99.99':
      return percentile(histogram, full, 0.9999);
    case 'percentile-99.9':
      return percentile(histogram, full, 0.999);
    case 'entropy':
      return leastDivergence(histogram, full);
  }
}

function leastError(histogram: Histogram, full: Range): Range {
  let best = full;
  let bestError = Number.POSITIVE_INFINITY;
  for (const lowShare of full.low === 0 ? [1] : SHARES)
    for (const highShare of full.high === 0 ? [1] : SHARES) {
      const range = { low: full.low * lowShare, high: full.high * highShare };
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

/** Leaves `share` of the values inside; what is cut is cut evenly at both ends, unless zero is one of them. */
function percentile(histogram: Histogram, full: Range, share: number): Range {
  const bins: { centre: number; count: number }[] = [];
  histogram.forEach((centre, count) => bins.push({ centre, count }));
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const ends = Number(full.low < 0) + Number(full.high > 0);
  const cut = ((1 - share) * total) / ends;
  const end = (from: typeof bins): number => {
    let beyond = 0;
    for (const { centre, count } of from) {
      beyond += count;
      if (beyond > cut) return centre;
    }
    return 0;
  };
  const half = histogram.width / 2;
  const low = full.low < 0 ? Math.max(full.low, Math.min(0, end(bins) - half)) : 0;
  const high = full.high > 0 ? Math.min(full.high, Math.max(0, end(bins.toReversed()) + half)) : 0;
  return high > low ? { low, high } : full;
}

function leastDivergence(histogram: Histogram, full: Range): Range {
  const counts = histogram.magnitudes();
  // Zero is a level by itself, whatever the threshold: what a ReLU cuts off says nothing.
  counts[0] = 0;
  const used = 1 + counts.findLastIndex((count) => count > 0);
  // A value of one sign has all levels on its side.
  const levels = full.low < 0 && full.high > 0 ? (LEVELS + 1) / 2 : LEVELS + 1;
  const step = Math.max(1, Math.floor((used - levels) / THRESHOLDS));
  let [best, least] = [used, Number.POSITIVE_INFINITY];
  for (let bins = used; bins >= levels; bins -= step) {
    const found = divergence(counts, bins, levels);
    if (found < least) [best, least] = [bins, found];
  }
  const threshold = best === used ? Number.POSITIVE_INFINITY : best * histogram.width;
  return { low: Math.max(full.low, -threshold), high: Math.min(full.high, threshold) };
}
