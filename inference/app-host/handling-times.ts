import { TIMES_KEPT } from '../constants.ts';

/** The last handling times of an app, in milliseconds. */
export class HandlingTimes {
  readonly #times: number[] = [];
  #next = 0;

  add(milliseconds: number): void {
    this.#times[this.#next] = milliseconds;
    this.#next = (this.#next + 1) % TIMES_KEPT;
  }

  /** The middle value; 0 when there is none yet. */
  middle(): number {
    return quantile(this.#times, 0.5);
  }
}

/** The value that the given share of all values does not exceed (nearest rank); 0 for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
