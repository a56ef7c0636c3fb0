import { randomOf } from '../../../apps/make/random.ts';

/** Draws numbers of trained networks' kinds, the same for the same seed. */
export class Draw {
  readonly #random;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  uniform(low: number, high: number): number {
    return this.#random.between(low, high);
  }

  /** A normal number (Marsaglia's polar method, 1964). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    for (;;) {
      const [u, v] = [this.#random.between(-1, 1), this.#random.between(-1, 1)];
      const square = u * u + v * v;
      if (square === 0 || square >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.#spare = v * factor;
      return u * factor;
    }
  }

  /**
   * Weights of a layer: normal, but with the heavy tails that training leaves, some outputs stronger than others.
   *
   * @param deviation standard deviation of most weights @param outputs rows of the layer, each with its own strength
   */
  layer(count: number, deviation: number, outputs: number): Float32Array {
    const strengths = Float32Array.from({ length: outputs }, () => Math.exp(0.25 * this.normal()));
    const each = count / outputs;
    const values = new Float32Array(count);
    for (let i = 0; i < count; i += 1) {
      const tail = this.uniform(0, 1) < 0.01 ? 3 : 1;
      values[i] = this.normal() * deviation * tail * (strengths[Math.floor(i / each)] ?? 1);
    }
    return values;
  }

  /** One number for every channel, a few of them far from the others. */
  channels(count: number, mean: number, deviation: number, outliers = 0, factor = 1): Float32Array {
    const values = Float32Array.from({ length: count }, () => mean + deviation * this.normal());
    for (let i = 0; i < outliers; i += 1) {
      const at = Math.floor(this.uniform(0, count));
      values[at] = (values[at] ?? 0) * factor;
    }
    return values;
  }
}
