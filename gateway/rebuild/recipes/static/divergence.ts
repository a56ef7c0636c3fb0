/** Stands for a share of nothing, where the other distribution has something. */
const TINY = 1e-12;

/**
 * The Kullback-Leibler divergence between magnitudes as they are, with everything beyond a threshold counted at it, and
 * as they come out of `levels` equal steps up to the threshold (Migacz 2017, "8-bit inference with TensorRT").
 *
 * @param counts how often each magnitude was seen, in bins of equal width from zero on
 * @param bins the threshold, in bins
 */
export function divergence(counts: Float64Array, bins: number, levels: number): number {
  let total = 0;
  for (const count of counts) total += count;
  let inside = 0;
  for (let i = 0; i < bins; i += 1) inside += counts[i] ?? 0;
  if (inside === 0) return Number.POSITIVE_INFINITY;
  const outliers = total - inside;
  let sum = 0;
  for (let level = 0; level < levels; level += 1) {
    const from = Math.floor((level * bins) / levels);
    const to = Math.floor(((level + 1) * bins) / levels);
    let mass = 0;
    let filled = 0;
    for (let i = from; i < to; i += 1) {
      mass += counts[i] ?? 0;
      if ((counts[i] ?? 0) > 0) filled += 1;
    }
    for (let i = from; i < to; i += 1) {
      const count = counts[i] ?? 0;
      const before = (count + (i === bins - 1 ? outliers : 0)) / total;
      const after = count > 0 ? mass / filled / inside : 0;
      if (before > 0) sum += before * Math.log(before / Math.max(after, TINY));
    }
  }
  return sum;
}
