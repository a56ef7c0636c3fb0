import {
  type Metric,
  type RuntimeHandle,
  type Sample,
  scoreSet,
  type Tensor,
  type Tensors,
} from '../../../../core/index.ts';
import { Decisions, isDecision } from './regret.ts';
import { RelativeError } from './relative-error.ts';

/** A decision must come out right with this many times the candidate's error. */
const STRAIN = 2;
/**
 * What a changed decision costs at least, whatever the original says of it: some networks are never sure. Of 100 changed
 * decisions of such a one, the labels said, 29 more were wrong than before; of others about none.
 */
const LOSS_BY_CHANGE = 0.25;

/** How near a candidate's outputs are to the original's. Less is better in all. */
export interface Agreement {
  /** What the metric is expected to fall by, 0 to 1. */
  drop: number;
  /** The same with the candidate's errors made larger: what is still small is not small by luck. */
  strained: number;
  /** Mean squared error of the metric's output as a share of its variance. */
  error: number;
}

export interface JudgeInput {
  metric: Metric;
  samples: readonly Sample[];
  runtime: RuntimeHandle;
  signal: AbortSignal;
}

/** Compares candidates with what the model gives in fp32, on samples that ranges were not measured on. */
export class Judge {
  readonly #input: JudgeInput;
  readonly #reference: readonly Tensors[];
  /** What the original decides, where the metric counts decisions. */
  readonly #decisions: readonly Decisions[];

  private constructor(input: JudgeInput, reference: readonly Tensors[]) {
    const { metric } = input;
    this.#input = input;
    this.#reference = reference;
    this.#decisions = reference.flatMap((outputs) => {
      const output = outputs[metric.output];
      return isDecision(metric) && output !== undefined ? [new Decisions(metric, output)] : [];
    });
  }

  static async of(original: Uint8Array, input: JudgeInput): Promise<Judge> {
    return new Judge(input, await runAll(original, input));
  }

  /** @throws {InvalidInputError} when the model has no output that the card's metric reads */
  async judge(candidate: Uint8Array): Promise<Agreement> {
    const { metric } = this.#input;
    const outputs = await runAll(candidate, this.#input);
    const error = this.#error(outputs);
    if (!isDecision(metric)) {
      const drop = 1 - this.#score(outputs);
      return { drop, strained: drop, error };
    }
    const sum = (of: (decisions: Decisions, got: Tensor) => number): number =>
      outputs.reduce((all, each, i) => {
        const [decisions, got] = [this.#decisions[i], each[metric.output]];
        return all + (got === undefined || decisions === undefined ? 1 : of(decisions, got));
      }, 0);
    const regret = (strain: number): number =>
      sum((decisions, got) => decisions.regret(got, strain)) / Math.max(1, outputs.length);
    // One changed decision is none: whether it is one or none is chance.
    const changed = sum((decisions, got) => decisions.changed(got)) - 1;
    const count = this.#decisions.reduce((all, decisions) => all + decisions.count, 0);
    const loss = (LOSS_BY_CHANGE * Math.max(0, changed)) / Math.max(1, count);
    return { drop: Math.max(regret(1), loss), strained: regret(STRAIN), error };
  }

  /** A publisher's own metric is not at hand here: direction of the output stands for it. */
  #score(outputs: readonly Tensors[]): number {
    const { metric } = this.#input;
    const used: Metric = metric.kind === 'app' ? { kind: 'cosine', output: metric.output } : metric;
    return scoreSet(used, outputs, [], this.#reference);
  }

  #error(outputs: readonly Tensors[]): number {
    const { metric } = this.#input;
    const error = new RelativeError(isDecision(metric));
    outputs.forEach((each, i) => error.add(each[metric.output], this.#reference[i]?.[metric.output]));
    return error.value();
  }
}

async function runAll(model: Uint8Array, { samples, runtime, signal }: JudgeInput): Promise<Tensors[]> {
  const session = await runtime.open(model, { threads: 1 });
  const outputs: Tensors[] = [];
  try {
    for (const { inputs } of samples) {
      signal.throwIfAborted();
      outputs.push(await session.run(inputs));
    }
  } finally {
    await session.close();
  }
  return outputs;
}
