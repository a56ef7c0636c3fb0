import { TIMES_KEPT } from '../constants.ts';
import { quantile } from '../quantile.ts';

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
