import type { Measurement } from '../../core/index.ts';
import { quantile } from '../quantile.ts';

/** Time of a build as a share of the original's, and the range in which the middle of all such shares lies. */
export type Ratio = NonNullable<Measurement['ratio']>;

/**
 * A build within this share of the original's time is as fast. Two processes with the very same build were seen 3 % apart,
 * each steady in itself: where their memory lies decides that.
 */
const TIE_SHARE = 0.03;
/** Half the width of a range that needs no more rounds, as a share of its middle … */
const NARROW_SHARE = 0.015;
/** … and of one that is clear of a tie, since builds are held against each other, too. */
const CLEAR_SHARE = 0.05;
/** How sure a range is that is reported. */
const REPORTED = 0.95;
/** A trial looks at its range again and again, and each look is a chance to be wrong: it asks for more to stop. */
const STOPPING = 0.99;

/** The middle of the rounds' ratios with its 95 % range; undefined for fewer rounds than such a range needs. */
export function ratioOf(ratios: readonly number[]): Ratio | undefined {
  return rangeOf(ratios, REPORTED);
}

/** Whether more rounds would change nothing: the build is slower, is clearly faster, or its ratio is known well. */
export function isClear(ratios: readonly number[]): boolean {
  const range = rangeOf(ratios, STOPPING);
  if (range === undefined) return false;
  const { median, low, high } = range;
  if (low > 1 + TIE_SHARE) return true;
  const half = (high - low) / 2 / median;
  return half <= NARROW_SHARE || (high < 1 - TIE_SHARE && half <= CLEAR_SHARE);
}

/**
 * The distribution-free range of a median: from the k-th smallest value to the k-th largest, where k is the largest for
 * which fewer than k of n fair coin tosses are heads with a probability of at most half of what is left to chance
 * (Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2). It asks nothing of how times are distributed, and
 * a few rounds in which another process took the machine do not move it.
 */
function rangeOf(values: readonly number[], confidence: number): Ratio | undefined {
  const n = values.length;
  const tail = (1 - confidence) / 2;
  let probability = 0.5 ** n;
  let cumulated = probability;
  let k = 0;
  while (cumulated <= tail && k < n / 2) {
    k += 1;
    probability *= (n - k + 1) / k;
    cumulated += probability;
  }
  if (k === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[k - 1], sorted[n - k]];
  if (low === undefined || high === undefined) return undefined;
  return { median: quantile(sorted, 0.5), low, high };
}
