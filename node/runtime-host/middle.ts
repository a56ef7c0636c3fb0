import { RECENT_EVENTS } from '../constants.ts';

/** The middle of the latest values. */
export class RecentMiddle {
  #values: number[] = [];

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > RECENT_EVENTS) this.#values.shift();
  }

  /** 0 as long as there are none. */
  value(): number {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }
}
