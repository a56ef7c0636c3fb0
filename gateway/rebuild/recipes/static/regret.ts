import { type Metric, type Tensor } from '../../../../core/index.ts';
import { isProbability, logit, logOf, numbers } from './odds.ts';

/** Metrics that count decisions. */
export type DecisionMetric = Extract<Metric, { kind: 'top1' | 'ctc-exact' | 'binary' }>;

export function isDecision(metric: Metric): metric is DecisionMetric {
  return metric.kind === 'top1' || metric.kind === 'ctc-exact' || metric.kind === 'binary';
}

/**
 * What the original decides on one sample, and how sure it is: candidates are held against it. A dozen samples tell more
 * this way than by counting: a toss-up that falls the other way costs nothing, a turned certainty all.
 */
export class Decisions {
  readonly #metric: DecisionMetric;
  readonly #values: Float32Array;
  /** The values on the scale of log odds, where they are probabilities. */
  readonly #scaled: Float32Array;
  readonly #areOdds: boolean;
  readonly #classes: number;
  readonly #best: Int32Array;

  /** @param original the original's output for the sample */
  constructor(metric: DecisionMetric, original: Tensor) {
    this.#metric = metric;
    this.#values = numbers(original);
    this.#areOdds = isProbability(this.#values);
    this.#classes = metric.kind === 'binary' ? 1 : Math.max(1, original.dims.at(-1) ?? 1);
    this.#scaled = this.#scale(this.#values);
    this.#best = this.#decide(this.#values, 1);
  }

  /** Decisions that the sample stands for. */
  get count(): number {
    return this.#metric.kind === 'ctc-exact' ? 1 : this.#best.length;
  }

  /** Decisions that a candidate makes otherwise, whatever they are worth. */
  changed(got: Tensor): number {
    const values = numbers(got);
    if (values.length !== this.#values.length) return this.count;
    const best = this.#decide(values, 1);
    if (this.#metric.kind === 'ctc-exact') return Number(!this.#spellsTheSame(best, this.#metric.blank));
    return best.filter((choice, row) => choice !== this.#best[row]).length;
  }

  /**
   * How much worse a candidate's decisions are in the original's own eyes: where it prefers another class, the
   * probability that the original gave to its own choice less what it gave to that one. 0 for the same decisions, up to
   * 1; a mean over rows, a sum over the steps of a sequence that is spelled otherwise.
   *
   * @param got the candidate's output
   * @param strain its error, on the scale of log odds, is taken this many times: a build that comes out right even so is
   *   not right by luck
   */
  regret(got: Tensor, strain: number): number {
    const values = numbers(got);
    if (values.length !== this.#values.length || values.length === 0) return 1;
    const best = this.#decide(values, strain);
    let sum = 0;
    for (const [row, choice] of best.entries())
      if (choice !== this.#best[row]) sum += this.#advantage(row, this.#best[row]!, choice);
    if (this.#metric.kind !== 'ctc-exact') return sum / best.length;
    return this.#spellsTheSame(best, this.#metric.blank) ? 0 : Math.min(1, sum);
  }

  #spellsTheSame(best: Int32Array, blank: number): boolean {
    const [spelled, wanted] = [spell(best, blank), spell(this.#best, blank)];
    return spelled.length === wanted.length && spelled.every((each, i) => each === wanted[i]);
  }

  /** The class that is chosen in each row; of a single score, whether it is above the threshold. */
  #decide(values: Float32Array, strain: number): Int32Array {
    const [classes, reference] = [this.#classes, this.#scaled];
    const scaled = strain === 1 && this.#metric.kind !== 'binary' ? values : this.#scale(values);
    const strained =
      strain === 1 ? scaled : scaled.map((value, i) => reference[i]! + strain * (value - reference[i]!));
    const threshold = this.#metric.kind === 'binary' ? this.#threshold(this.#metric.threshold) : undefined;
    return Int32Array.from({ length: values.length / classes }, (_, row) =>
      threshold === undefined
        ? largest(strained, row * classes, classes)
        : Number(strained[row]! > threshold),
    );
  }

  /** How much more probable one class is than another, by the original. */
  #advantage(row: number, own: number, other: number): number {
    if (this.#metric.kind === 'binary') {
      const distance = this.#scaled[row]! - this.#threshold(this.#metric.threshold);
      return Math.abs(2 / (1 + Math.exp(-distance)) - 1);
    }
    const at = row * this.#classes;
    const [better, worse] = [this.#values[at + own]!, this.#values[at + other]!];
    if (this.#areOdds) return better - worse;
    let total = 0;
    for (let i = at; i < at + this.#classes; i += 1) total += Math.exp(this.#values[i]! - better);
    return (1 - Math.exp(worse - better)) / total;
  }

  #threshold(threshold: number): number {
    return this.#areOdds ? logit(threshold) : threshold;
  }

  /** Differences between logarithms of probabilities are those of the log odds, as far as a choice goes by them. */
  #scale(values: Float32Array): Float32Array {
    if (!this.#areOdds) return values;
    return values.map(this.#metric.kind === 'binary' ? logit : logOf);
  }
}

/** Best path decoding (Graves et al. 2006): repeats merged, blanks dropped. */
function spell(best: Int32Array, blank: number): number[] {
  return [...best].filter((each, i) => each !== blank && each !== best[i - 1]);
}

function largest(values: Float32Array, at: number, length: number): number {
  let best = 0;
  let most = values[at]!;
  for (let i = 1; i < length; i += 1) {
    const value = values[at + i]!;
    if (value > most) [best, most] = [i, value];
  }
  return best;
}
