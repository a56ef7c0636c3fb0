import type { Measurement } from '../../core/index.ts';
import { quantile } from '../quantile.ts';
import type { Opened, Timed } from './build-under-test.ts';
import { isClear, ratioOf } from './ratio.ts';

/** Least time of one build before it is the other's turn, in milliseconds: long beside a timer's step. */
const ROUND_MS = 25;
const MAX_ROUND_RUNS = 200;
/** Rounds that a budget of runs is divided into: a range that may end a trial needs this many. */
const LEAST_ROUNDS = 8;
/** A difference that so many rounds leave unclear is too small to matter. */
const MOST_ROUNDS = 60;
/** A trial looks at what it knows when it has so many times the rounds of its last look. */
const NEXT_LOOK = 1.25;

/** Runs of one build in one round. */
export function roundRuns(runMs: number, budgetRuns: number): number {
  const wanted = Math.ceil(ROUND_MS / Math.max(runMs, 1e-3));
  return Math.max(1, Math.min(wanted, MAX_ROUND_RUNS, Math.floor(budgetRuns / LEAST_ROUNDS)));
}

/** Two builds' runs, taken in turn. */
export class Rounds {
  readonly #rounds: { candidate: Timed; original: Timed }[] = [];
  #lastLook = 0;

  add(round: { candidate: Timed; original: Timed }): void {
    this.#rounds.push(round);
  }

  get count(): number {
    return this.#rounds.length;
  }

  /** Whether there are enough. Looks seldom, since each look is a chance to stop too early. */
  areEnough(): boolean {
    if (this.count >= MOST_ROUNDS) return true;
    if (this.count < LEAST_ROUNDS || this.count < this.#lastLook * NEXT_LOOK) return false;
    this.#lastLook = this.count;
    return isClear(this.#ratios());
  }

  /**
   * The candidate's figures as they would be at the original's usual speed: when another process took the machine
   * during a round, the original was slower in it too, by the same share. No round is left out.
   *
   * @param usualMs the original's middle run over the whole trial
   */
  measurement(opened: Opened, usualMs: number): Measurement {
    const steadied = this.#rounds.flatMap(({ candidate, original }) => {
      const here = quantile(original.times, 0.5);
      const share = here > 0 && usualMs > 0 ? usualMs / here : 1;
      return candidate.times.map((time) => time * share);
    });
    const ratio = ratioOf(this.#ratios());
    return {
      ...measurementOf(
        opened,
        steadied,
        this.#rounds.map(({ candidate }) => candidate),
      ),
      ...(ratio === undefined ? {} : { ratio }),
    };
  }

  #ratios(): number[] {
    return this.#rounds.map(
      ({ candidate, original }) => quantile(candidate.times, 0.5) / quantile(original.times, 0.5),
    );
  }
}

/** Figures of runs. The energy is the mean of all runs of which it is known. */
export function measurementOf(
  opened: Opened,
  times: readonly number[],
  timed: readonly Timed[],
): Measurement {
  const metered = timed.filter(({ joules }) => joules !== undefined);
  const runs = metered.reduce((sum, one) => sum + one.times.length, 0);
  const joules = metered.reduce((sum, one) => sum + (one.joules ?? 0), 0);
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  return {
    loadMs: opened.loadMs,
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    p99Ms: quantile(times, 0.99),
    throughput: (1000 * opened.batch) / mean,
    runs: times.length,
    peakMemoryMiB: opened.peakMemoryMiB,
    ...(runs === 0 ? {} : { energyJ: joules / runs }),
  };
}
