import { BUSY_WINDOW_MS } from '../constants.ts';

/**
 * What the apps of this machine are doing. Work that can wait asks here first: an app has events to handle, or has not.
 */
export class Activity {
  readonly #now: () => number;
  readonly #working = new Set<string>();
  readonly #waiting = new Set<() => void>();
  /** Times in which some app was at work, the oldest first. */
  #spans: { from: number; to: number }[] = [];
  #since = 0;

  /** @param now milliseconds that never go back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** An app has an event to handle. */
  begin(deployment: string): void {
    if (this.#working.size === 0) this.#since = this.#now();
    this.#working.add(deployment);
  }

  /** It has none any more. */
  end(deployment: string): void {
    if (!this.#working.delete(deployment) || this.#working.size > 0) return;
    const now = this.#now();
    this.#spans = [...this.#spans, { from: this.#since, to: now }].filter(
      ({ to }) => to > now - BUSY_WINDOW_MS,
    );
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  get isBusy(): boolean {
    return this.#working.size > 0;
  }

  /** The share of the last `BUSY_WINDOW_MS` in which some app was at work. */
  share(): number {
    const now = this.#now();
    const start = now - BUSY_WINDOW_MS;
    const current = this.isBusy ? [{ from: this.#since, to: now }] : [];
    const busyMs = [...this.#spans, ...current].reduce(
      (sum, { from, to }) => sum + Math.max(0, to - Math.max(from, start)),
      0,
    );
    return busyMs / BUSY_WINDOW_MS;
  }

  /** Resolves when no app has anything to do, and when the signal aborts. */
  async quiet(signal: AbortSignal): Promise<void> {
    while (this.isBusy && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
      await promise;
      this.#waiting.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }
}
