/** Bins over [-reach, reach]. */
const BINS = 4096;
/** Values of one tensor of one sample that are counted; the extremes are taken over all of them. */
const COUNTED_VALUES = 16_384;

/** How the values of one activation spread, over all calibration samples. Its memory does not grow with them. */
export class Histogram {
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  readonly #counts = new Float64Array(BINS);
  /** A power of two, so that growing it merges whole bins. */
  #reach = 0;

  /** The width of one bin. */
  get width(): number {
    return (2 * this.#reach) / BINS;
  }

  /** Adds the values of one tensor. Anything but finite numbers is left out. */
  add(values: Float32Array): void {
    let [min, max] = [this.min, this.max];
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i]!;
      if (value < min && value > Number.NEGATIVE_INFINITY) min = value;
      if (value > max && value < Number.POSITIVE_INFINITY) max = value;
    }
    [this.min, this.max] = [min, max];
    this.#cover(Math.max(Math.abs(min), Math.abs(max)));
    const counts = this.#counts;
    const perUnit = BINS / 2 / this.#reach;
    // An odd step does not fall into step with rows and channels, whose sizes are mostly even.
    const step = Math.floor(values.length / COUNTED_VALUES) | 1;
    for (let i = 0; i < values.length; i += step) {
      const bin = Math.floor(values[i]! * perUnit) + BINS / 2;
      if (bin >= 0 && bin <= BINS) counts[Math.min(BINS - 1, bin)]! += step;
    }
  }

  /** Calls back for each bin that holds values, lowest first, with its centre and how many they are. */
  forEach(visit: (centre: number, count: number) => void): void {
    const { width } = this;
    for (let bin = 0; bin < BINS; bin += 1) {
      const count = this.#counts[bin] ?? 0;
      if (count > 0) visit(-this.#reach + (bin + 0.5) * width, count);
    }
  }

  /** How the magnitudes spread: counts of |value|, each bin one `width` further from zero. */
  magnitudes(): Float64Array {
    const middle = BINS / 2;
    return Float64Array.from(
      { length: middle },
      (_, i) => (this.#counts[middle + i] ?? 0) + (this.#counts[middle - 1 - i] ?? 0),
    );
  }

  #cover(magnitude: number): void {
    if (!Number.isFinite(magnitude) || magnitude <= this.#reach) return;
    if (this.#reach === 0) this.#reach = 2 ** Math.ceil(Math.log2(Math.max(magnitude, 2 ** -100)));
    while (this.#reach < magnitude) {
      this.#reach *= 2;
      const wider = new Float64Array(BINS);
      for (let bin = 0; bin < BINS; bin += 1) {
        const target = BINS / 4 + (bin >> 1);
        wider[target] = (wider[target] ?? 0) + (this.#counts[bin] ?? 0);
      }
      this.#counts.set(wider);
    }
  }
}
