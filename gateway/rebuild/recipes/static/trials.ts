import type { Agreement, Judge } from './agreement.ts';
import type { Limits } from './ranges.ts';

/** One way to quantise. */
export interface Choice {
  limits: Limits;
  /** Names of nodes that stay in fp32 beside those that the card names. */
  leave: ReadonlySet<string>;
  /** Whether biases make up for rounded weights. */
  correctBias: boolean;
  /** Whether channels between convolutions are equalised first. */
  equalised: boolean;
}

/** A way to quantise that was tried. */
export interface Trial {
  choice: Choice;
  bytes: Uint8Array;
  agreement: Agreement;
  /** Whether it is within the floor, and would be with larger errors. */
  good: boolean;
}

export interface TrialsInput {
  write: (choice: Choice) => Uint8Array;
  judge: Judge;
  /** The largest fall of the metric that is allowed. */
  maxDrop: number;
  /** Candidates that may be judged. */
  evaluations: number;
  signal: AbortSignal;
}

/** Writes and judges candidates as long as there is budget for it. */
export class Trials {
  readonly #input: TrialsInput;
  #left: number;

  constructor(input: TrialsInput) {
    this.#input = input;
    this.#left = input.evaluations;
  }

  /** Candidates that may still be judged. */
  get left(): number {
    return this.#left;
  }

  async judge(choice: Choice): Promise<Trial> {
    return this.judgeBytes(choice, this.#input.write(choice));
  }

  /** Judges a candidate that was changed after it was written. */
  async judgeBytes(choice: Choice, bytes: Uint8Array): Promise<Trial> {
    const { judge, maxDrop, signal } = this.#input;
    signal.throwIfAborted();
    this.#left -= 1;
    const agreement = await judge.judge(bytes);
    const good = Math.max(agreement.drop, agreement.strained) <= maxDrop + 1e-9;
    return { choice, bytes, agreement, good };
  }

  /** The better of two: one that is good enough, then the smaller loss, then the smaller error. */
  better(a: Trial, b: Trial): Trial {
    if (a.good !== b.good) return a.good ? a : b;
    const [lossA, lossB] = [a.agreement.strained, b.agreement.strained];
    if (!a.good && lossA !== lossB) return lossA < lossB ? a : b;
    return a.agreement.error < b.agreement.error ? a : b;
  }
}
