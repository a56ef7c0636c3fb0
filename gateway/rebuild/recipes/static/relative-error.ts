import type { Tensor } from '../../../../core/index.ts';
import { isProbability, logit, numbers } from './odds.ts';

/** A variance below this share of the mean square is none. */
const NO_VARIANCE = 1e-6;

/**
 * Mean squared difference between a candidate's outputs and the original's over several samples, as a share of the
 * original's variance. It tells candidates apart that decide the same.
 */
export class RelativeError {
  readonly #asOdds: boolean;
  #error = 0;
  #sum = 0;
  #squares = 0;
  #count = 0;

  /** @param asOdds compares probabilities by their log odds: near 0 and 1 they hide how far a network is off */
  constructor(asOdds: boolean) {
    this.#asOdds = asOdds;
  }

  /** Adds one sample. */
  add(got: Tensor | undefined, original: Tensor | undefined): void {
    if (got === undefined || original === undefined) return;
    const [values, reference] = [numbers(got), numbers(original)];
    const scale = this.#asOdds && isProbability(reference) ? logit : (value: number): number => value;
    let [error, sum, squares] = [0, 0, 0];
    for (let i = 0; i < reference.length; i += 1) {
      const before = scale(reference[i]!);
      const difference = scale(values[i] ?? Number.NaN) - before;
      error += difference * difference;
      sum += before;
      squares += before * before;
    }
    this.#error += error;
    this.#sum += sum;
    this.#squares += squares;
    this.#count += reference.length;
  }

  /** 0 for the same outputs; the largest number where they cannot be compared. */
  value(): number {
    const variance = this.#squares - this.#sum ** 2 / Math.max(1, this.#count);
    const share = this.#error / Math.max(variance, this.#squares * NO_VARIANCE, Number.MIN_VALUE);
    return Number.isFinite(share) ? share : Number.MAX_VALUE;
  }
}
