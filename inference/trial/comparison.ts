import type { Accuracy, Measurement, TrialRequest } from '../../core/index.ts';
import { quantile } from '../quantile.ts';
import type { Opened } from './build-under-test.ts';
import type { Reference, TrialChild } from './trial-child.ts';

/** What was found out about one build. */
export interface Finding {
  accuracy: Accuracy;
  measurement: Measurement;
}

/** What the rounds against the original gave, before all rounds are known. */
export interface RawFinding {
  accuracy: Accuracy;
  opened: Opened;
  times: number[];
  /** The original's times in the same rounds. */
  originals: number[];
}

/** References kept for the next candidate, in bytes. Larger outputs are computed again: a daemon is a small process. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** Runs of one build before it is the other's turn. */
const ROUND_RUNS = 5;
/** Fewer samples say too little to reject a build by. */
const LEAST_SAMPLES = 8;
/** The part of a build's time that goes into accuracy; the rest is for timing. */
const ACCURACY_SHARE = 0.5;

/** Holds candidates against one original that stays loaded. */
export class Comparison {
  /** True when a fault was the original's, which no candidate can be blamed for. */
  originalFailed = false;
  readonly #original: TrialChild;
  readonly #opened: Opened;
  readonly #request: TrialRequest;
  readonly #references = new Map<number, Reference>();
  readonly #originalTimes: number[] = [];
  #keptBytes = 0;

  constructor(original: TrialChild, opened: Opened, request: TrialRequest) {
    this.#original = original;
    this.#opened = opened;
    this.#request = request;
  }

  /** Accuracy first, then speed, each within its part of `shareMs`, but never less than a few samples and one round. */
  async candidate(
    child: TrialChild,
    opened: Opened,
    shareMs: number,
    patienceMs: number,
  ): Promise<RawFinding> {
    const start = performance.now();
    const accuracy = await this.#accuracy(start + shareMs * ACCURACY_SHARE, patienceMs, (index, reference) =>
      child.score(index, reference, patienceMs),
    );
    const [times, originals] = await this.#rounds(child, start + shareMs, patienceMs);
    return { accuracy, opened, times, originals };
  }

  /**
   * A candidate's figures as they would be at the original's usual speed: when another process took the machine during
   * their rounds, the original was slower in them too, by the same share. To be called when all rounds are over.
   */
  finding({ accuracy, opened, times, originals }: RawFinding): Finding {
    const here = quantile(originals, 0.5);
    const usual = quantile(this.#originalTimes, 0.5);
    const share = here > 0 && usual > 0 ? usual / here : 1;
    const steadied = times.map((time) => time * share);
    return { accuracy, measurement: measurementOf(opened, steadied) };
  }

  /** The original's own figures: from the rounds against the candidates, or of its own where there was none. */
  async original(shareMs: number, patienceMs: number): Promise<Finding> {
    const end = performance.now() + shareMs;
    const accuracy = await this.#accuracy(end, patienceMs, async (_index, reference) => reference.score);
    while (this.#originalTimes.length === 0 || this.#wantsMore(this.#originalTimes.length, end))
      await this.#timeOriginal(this.#originalTimes.length, patienceMs);
    return { accuracy, measurement: measurementOf(this.#opened, this.#originalTimes) };
  }

  async #accuracy(
    end: number,
    patienceMs: number,
    scoreOf: (index: number, reference: Reference) => Promise<number>,
  ): Promise<Accuracy> {
    let [samples, original, build] = [0, 0, 0];
    let labelled = false;
    while (samples < this.#opened.samples && (samples < LEAST_SAMPLES || performance.now() < end)) {
      const reference = await this.#reference(samples, patienceMs);
      build += await scoreOf(samples, reference);
      original += reference.score;
      labelled ||= reference.labelled;
      samples += 1;
    }
    const metric = this.#request.metric.kind;
    return { metric, labelled, samples, original: original / samples, build: build / samples };
  }

  /** Rounds of runs in turn. Who begins changes from round to round, so that a drift of the machine falls on both. */
  async #rounds(child: TrialChild, end: number, patienceMs: number): Promise<[number[], number[]]> {
    const times: number[] = [];
    const originals: number[] = [];
    for (let round = 0; round === 0 || this.#wantsMore(times.length, end); round += 1) {
      const from = times.length;
      if (round % 2 === 0) originals.push(...(await this.#timeOriginal(from, patienceMs)));
      times.push(...(await child.time(from, this.#roundRuns, patienceMs)));
      if (round % 2 === 1) originals.push(...(await this.#timeOriginal(from, patienceMs)));
    }
    return [times, originals];
  }

  get #roundRuns(): number {
    return Math.min(ROUND_RUNS, this.#request.budget.runs);
  }

  #wantsMore(runs: number, end: number): boolean {
    return runs + this.#roundRuns <= this.#request.budget.runs && performance.now() < end;
  }

  async #timeOriginal(from: number, patienceMs: number): Promise<number[]> {
    const times = await this.#blaming(this.#original.time(from, this.#roundRuns, patienceMs));
    this.#originalTimes.push(...times);
    return times;
  }

  async #reference(index: number, patienceMs: number): Promise<Reference> {
    const kept = this.#references.get(index);
    if (kept !== undefined) return kept;
    const reference = await this.#blaming(this.#original.reference(index, patienceMs));
    if (this.#keptBytes + reference.bytes <= MAX_KEPT_BYTES) {
      this.#keptBytes += reference.bytes;
      this.#references.set(index, reference);
    }
    return reference;
  }

  async #blaming<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.originalFailed = true;
      throw error;
    }
  }
}

function measurementOf(opened: Opened, times: readonly number[]): Measurement {
  return {
    loadMs: opened.loadMs,
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    p99Ms: quantile(times, 0.99),
    throughput: 1000 / (times.reduce((sum, time) => sum + time, 0) / times.length),
    runs: times.length,
    peakMemoryMiB: opened.peakMemoryMiB,
  };
}
