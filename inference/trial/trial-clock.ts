/**
 * Time as a trial counts it: what it waits for others does not count. Whoever lends it a machine says when it may go on.
 */
export class TrialClock {
  readonly #quiet: (() => Promise<void>) | undefined;
  #waitedMs = 0;

  /** @param quiet resolves when the machine has nothing better to do, rejects when that takes too long */
  constructor(quiet?: () => Promise<void>) {
    this.#quiet = quiet;
  }

  /** Milliseconds that pass while the trial may work. */
  now(): number {
    return performance.now() - this.#waitedMs;
  }

  /** Waits for its turn. @throws what the lender says */
  async turn(): Promise<void> {
    if (this.#quiet === undefined) return;
    const start = performance.now();
    await this.#quiet();
    this.#waitedMs += performance.now() - start;
  }
}
