const GOLDEN_SHARE = (Math.sqrt(5) - 1) / 2;

/**
 * Indices of `count` of `total` samples, in an order of which every beginning is spread over the whole: sets are often
 * sorted by class, and a trial whose time is short sees their beginning only. Each step goes on by about the golden
 * section of the whole, which leaves the gaps as even as can be (Kronecker sequence). The same for the same numbers.
 */
export function sampleOrder(total: number, count: number): number[] {
  let step = Math.max(1, Math.round(total * GOLDEN_SHARE));
  while (greatestDivisor(step, total) !== 1) step += 1;
  return Array.from({ length: Math.min(count, total) }, (_, i) => (i * step) % total);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
