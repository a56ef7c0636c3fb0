import { coarse } from './static/grid.ts';

/** Weights as int8, each channel with its own scale: `scale[c] · q`. */
export interface QuantizedWeights {
  values: Int8Array;
  scales: Float32Array;
}

/** The largest magnitude of a weight, by the bits it may use. */
const LARGEST = { 7: 63, 8: 127 } as const;

/**
 * Quantises weights symmetrically, channel by channel. One scale for a whole convolution read no label of a text
 * recogniser that one scale per channel read in full.
 *
 * @param weights row-major, of the given shape
 * @param axis the axis that counts channels
 * @param floors the smallest scale allowed for a channel, where there is one
 */
export function quantizeWeights(
  weights: Float32Array,
  dims: readonly number[],
  axis: number,
  options: { bits?: 7 | 8; floors?: Float64Array } = {},
): QuantizedWeights {
  const channels = dims[axis] ?? 1;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const largest = LARGEST[options.bits ?? 8];
  const peaks = new Float64Array(channels);
  for (let start = 0, channel = 0; start < weights.length; start += inner) {
    let peak = peaks[channel]!;
    for (let i = start; i < start + inner; i += 1) peak = Math.max(peak, Math.abs(weights[i]!));
    peaks[channel] = peak;
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
  const scales = Float32Array.from(peaks, (peak, channel) => {
    const scale = Math.max(coarse(peak / largest), options.floors?.[channel] ?? 0);
    return scale > 0 && Number.isFinite(scale) ? scale : 1;
  });
  const values = new Int8Array(weights.length);
  for (let start = 0, channel = 0; start < weights.length; start += inner) {
    const scale = scales[channel]!;
    for (let i = start; i < start + inner; i += 1)
      values[i] = Math.min(largest, Math.max(-largest, Math.round(weights[i]! / scale)));
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
  return { values, scales };
}
