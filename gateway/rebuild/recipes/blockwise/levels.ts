/** Weights that share a scale. Smaller blocks follow the weights better; the scale costs a bit per weight. */
export const BLOCK = 32;

/** Bits of a weight. */
export type Bits = 4 | 8;

/** Rows of weights in blocks: `scale · (level − 2^(bits − 1))`. */
export interface BlockLevels {
  /** Levels, those of 4 bits two to a byte, the first in the low half. */
  bytes: Uint8Array;
  /** One for each block, row by row. */
  scales: Float32Array;
}

/** How much finer or coarser than the largest weight asks for the steps of a block are tried, in hundredths. */
const STEPS: Record<Bits, readonly number[]> = { 4: [100, 94, 88, 82, 76, 106, 112], 8: [100] };

/**
 * Quantises rows in blocks of `BLOCK`; the last one of a row is filled up with zeros. The weight with the largest
 * magnitude gets the lowest level, whatever its sign, since there is one level more on that side. Several steps are
 * tried for each block; the scale that fits the levels they give best follows by least squares, and the one with the
 * least squared error is kept. (The search of the GGML project's quantisers, github.com/ggml-org/llama.cpp, is of this kind.)
 *
 * @param values row-major, of `length` each
 */
export function quantizeRows(values: Float32Array, rows: number, length: number, bits: Bits): BlockLevels {
  const blocks = Math.ceil(length / BLOCK);
  const bytes = new Uint8Array((rows * blocks * BLOCK * bits) / 8);
  const scales = new Float32Array(rows * blocks);
  const levels = new Uint8Array(BLOCK);
  for (let row = 0; row < rows; row += 1)
    for (let block = 0; block < blocks; block += 1) {
      const start = row * length + block * BLOCK;
      const end = Math.min(start + BLOCK, (row + 1) * length);
      const at = row * blocks + block;
      scales[at] = quantizeBlock(values, start, end, bits, levels);
      if (bits === 8) bytes.set(levels, at * BLOCK);
      else
        for (let i = 0; i < BLOCK; i += 2) bytes[(at * BLOCK + i) / 2] = levels[i]! | (levels[i + 1]! << 4);
    }
  return { bytes, scales };
}

/** Fills `levels`. @returns the scale */
function quantizeBlock(
  values: Float32Array,
  start: number,
  end: number,
  bits: Bits,
  levels: Uint8Array,
): number {
  const half = 2 ** (bits - 1);
  let peak = 0;
  for (let i = start; i < end; i += 1) if (Math.abs(values[i]!) > Math.abs(peak)) peak = values[i]!;
  levels.fill(half);
  if (peak === 0 || !Number.isFinite(1 / peak)) return 1;
  let [best, factor] = [-1, 0];
  for (const step of STEPS[bits]) {
    const inverse = (-half * 100) / (peak * step);
    let [product, square] = [0, 0];
    for (let i = start; i < end; i += 1) {
      const level = levelOf(values[i]! * inverse, half);
      product += values[i]! * level;
      square += level * level;
    }
    // The error is the sum of squared weights less this.
    const gain = square === 0 ? 0 : product ** 2 / square;
    if (gain > best) [best, factor] = [gain, inverse];
  }
  let [product, square] = [0, 0];
  for (let i = start; i < end; i += 1) {
    const level = levelOf(values[i]! * factor, half);
    levels[i - start] = level + half;
    product += values[i]! * level;
    square += level * level;
  }
  return Math.fround(product / square);
}

function levelOf(value: number, half: number): number {
  return Math.max(-half, Math.min(half - 1, Math.round(value)));
}
