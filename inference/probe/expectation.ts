import {
  CHANNELS,
  CLASSES,
  FILTERS,
  INPUTS,
  KERNEL,
  OUTPUT_SCALE,
  OUTPUT_ZERO,
  SIDE,
  WEIGHTS,
} from './probe-model.ts';

const PIXELS = SIDE * SIDE;

/** What the probe model must give, by plain loops over its definition: nothing of a runtime is in here. */
export function expectedOutputs(): Record<string, number[]> {
  const maps = convolve(INPUTS.picture, WEIGHTS.filters, WEIGHTS.filterBias);
  const positive = maps.map((sum) => Math.max(0, sum));
  return {
    dense: multiply(positive, WEIGHTS.dense).map((sum, i) => sum + (WEIGHTS.denseBias[i] ?? 0)),
    convolved: convolve(INPUTS.bytes, WEIGHTS.byteFilters, WEIGHTS.byteFilterBias).map(requantise),
    dynamic: multiply(INPUTS.bytes, WEIGHTS.byteDense),
  };
}

function requantise(sum: number): number {
  return Math.min(255, Math.max(0, Math.round(sum / OUTPUT_SCALE) + OUTPUT_ZERO));
}

/** Convolution with a border of zeros of one pixel. */
function convolve(input: readonly number[], filters: readonly number[], bias: readonly number[]): number[] {
  return Array.from({ length: FILTERS * PIXELS }, (_, i) => {
    const filter = Math.floor(i / PIXELS);
    const [row, column] = [Math.floor((i % PIXELS) / SIDE), i % SIDE];
    let sum = bias[filter] ?? 0;
    for (let channel = 0; channel < CHANNELS; channel += 1)
      for (let k = 0; k < KERNEL * KERNEL; k += 1) {
        const [y, x] = [row + Math.floor(k / KERNEL) - 1, column + (k % KERNEL) - 1];
        if (y < 0 || x < 0 || y >= SIDE || x >= SIDE) continue;
        const weight = filters[(filter * CHANNELS + channel) * KERNEL * KERNEL + k] ?? 0;
        sum += weight * (input[channel * PIXELS + y * SIDE + x] ?? 0);
      }
    return sum;
  });
}

/** A row vector times a matrix of `CLASSES` columns. */
function multiply(row: readonly number[], matrix: readonly number[]): number[] {
  return Array.from({ length: CLASSES }, (_, column) =>
    row.reduce((sum, item, i) => sum + item * (matrix[i * CLASSES + column] ?? 0), 0),
  );
}
