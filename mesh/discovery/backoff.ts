import { DIAL_BACKOFF_MS } from '../constants.ts';

/**
 * How long to wait before the next attempt, in milliseconds: doubling from the first wait up to the longest, with half
 * of it left to chance, so that a hundred nodes do not come back to a gateway in the same moment.
 *
 * @param failures attempts that failed in a row
 * @param random from 0 up to 1
 */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(DIAL_BACKOFF_MS.longest, DIAL_BACKOFF_MS.first * 2 ** Math.min(failures, 20));
  return Math.round(full * (0.5 + random / 2));
}
