import type { QuantizedWeights } from '../weights.ts';

interface ShiftInput {
  /** Weights before rounding, of the shape `dims`. */
  before: Float32Array;
  after: QuantizedWeights;
  dims: readonly number[];
  /** The axis that counts output channels: 0 (Conv, transposed Gemm) or 1 (Gemm). */
  axis: 0 | 1;
  groups: number;
  /** Mean of each input channel. */
  means: Float64Array;
}

/**
 * What rounding the weights adds to the mean of each output channel: the rounding errors times the mean inputs (Nagel
 * et al. 2019, "Data-free quantization through weight equalization and bias correction", section 4.2, with means that
 * were observed). Undefined when the means are not those of this input.
 */
export function biasShift({
  before,
  after,
  dims,
  axis,
  groups,
  means,
}: ShiftInput): Float64Array | undefined {
  const outputs = dims[axis] ?? 1;
  const inputs = dims[1 - axis] ?? 1;
  if (means.length !== inputs * groups) return undefined;
  const kernel = before.length / Math.max(1, outputs * inputs);
  const shift = new Float64Array(outputs);
  for (let output = 0; output < outputs; output += 1) {
    const scale = after.scales[output] ?? 0;
    const first = Math.floor(output / (outputs / groups)) * inputs;
    let sum = 0;
    for (let input = 0; input < inputs; input += 1) {
      const at = (axis === 0 ? output * inputs + input : input * outputs + output) * kernel;
      let error = 0;
      for (let i = at; i < at + kernel; i += 1) error += scale * after.values[i]! - before[i]!;
      sum += error * (means[first + input] ?? 0);
    }
    shift[output] = sum;
  }
  return shift;
}
