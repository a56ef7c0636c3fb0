/** Mean and largest magnitude of each channel of an activation, over all calibration samples. */
export class ChannelStatistics {
  readonly #axis: number;
  #sums = new Float64Array(0);
  #peaks = new Float64Array(0);
  #perChannel = 0;

  /** @param axis the axis that counts channels; from the end where it is negative */
  constructor(axis: number) {
    this.#axis = axis;
  }

  /** Adds one tensor, row-major. Tensors of another number of channels than the first are left out. */
  add(values: Float32Array, dims: readonly number[]): void {
    const axis = this.#axis < 0 ? dims.length + this.#axis : this.#axis;
    const count = dims[axis] ?? 0;
    if (this.#sums.length === 0)
      [this.#sums, this.#peaks] = [new Float64Array(count), new Float64Array(count)];
    if (count === 0 || count !== this.#sums.length) return;
    const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
    const [sums, peaks] = [this.#sums, this.#peaks];
    for (let start = 0, channel = 0; start < values.length; start += inner) {
      let [sum, peak] = [0, peaks[channel]!];
      for (let i = start; i < start + inner; i += 1) {
        const value = values[i]!;
        sum += value;
        if (value > peak) peak = value;
        else if (-value > peak) peak = -value;
      }
      sums[channel]! += sum;
      peaks[channel] = peak;
      channel = channel + 1 === count ? 0 : channel + 1;
    }
    this.#perChannel += values.length / count;
  }

  /** Empty where nothing was added. */
  means(): Float64Array {
    return this.#sums.map((sum) => sum / Math.max(1, this.#perChannel));
  }

  peaks(): Float64Array {
    return this.#peaks;
  }
}
