import type { Tensor } from '../../../../core/index.ts';

/** Probabilities below this are as good as none: their logarithms end here. */
const LEAST = 1e-6;
const LOG_LEAST = Math.log(LEAST);

/** The values of an output as float32. */
export function numbers({ data }: Tensor): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data as Float64Array, Number);
}

/** Whether all values lie between 0 and 1, up to rounding. */
export function isProbability(values: Float32Array): boolean {
  for (const value of values) if (!(value >= 0 && value <= 1 + LEAST)) return false;
  return true;
}

export function logOf(probability: number): number {
  return probability > LEAST ? Math.log(probability) : LOG_LEAST;
}

/** The log odds of a probability. */
export function logit(probability: number): number {
  return logOf(probability) - logOf(1 - probability);
}
