import { Wake } from './wake.ts';

/** Delays that double from the first to the longest, until something worked again. */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #nextMs: number;

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#nextMs = firstMs;
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }

  /** Waits its time, or less when the signal fires or `wake` is raised. Never throws. */
  async wait(signal: AbortSignal, wake: Wake = new Wake()): Promise<void> {
    const delay = this.#nextMs;
    this.#nextMs = Math.min(delay * 2, this.#longestMs);
    const timer = new AbortController();
    const timeout = setTimeout(() => timer.abort(), delay);
    await wake.wait(AbortSignal.any([signal, timer.signal]));
    clearTimeout(timeout);
  }
}
