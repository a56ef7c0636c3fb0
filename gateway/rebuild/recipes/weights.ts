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
  const channelAt = (i: number): number => Math.floor(i / inner) % channels;
  for (let i = 0; i < weights.length; i += 1) {
    const channel = channelAt(i);
    peaks[channel] = Math.max(peaks[channel] ?? 0, Math.abs(weights[i] ?? 0));
  }
  const scales = Float32Array.from(peaks, (peak, channel) => {
    const scale = Math.max(coarse(peak / largest), options.floors?.[channel] ?? 0);
    return scale > 0 && Number.isFinite(scale) ? scale : 1;
  });
  const values = Int8Array.from(weights, (weight, i) => {
    const q = Math.round(weight / (scales[channelAt(i)] ?? 1));
    return Math.min(largest, Math.max(-largest, q));
  });
  return { values, scales };
}
