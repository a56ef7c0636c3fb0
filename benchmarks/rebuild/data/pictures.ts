import { float32, type Sample } from '../../../core/index.ts';
import type { LabelledPictures } from './idx.ts';

const WHITE = 255;

/** What a packed picture is worth per step: pixels from 0 to 1. */
export const GREY_PACKING = { scale: 1 / WHITE, shift: 0 };

/**
 * Samples of `batch` pictures each, as float32 [batch, 1, height, width] between 0 and 1.
 *
 * @param from the first picture @param count pictures in all; what fills no batch is left out
 */
export function pictureBatches(
  pictures: LabelledPictures,
  input: string,
  { from, count, batch }: { from: number; count: number; batch: number },
): Sample[] {
  const { width, height, pixels, labels } = pictures;
  const area = width * height;
  return Array.from({ length: Math.floor(count / batch) }, (_, i) => {
    const first = from + i * batch;
    const data = new Float32Array(batch * area);
    for (let at = 0; at < data.length; at += 1) data[at] = (pixels[first * area + at] ?? 0) / WHITE;
    return {
      inputs: { [input]: float32(data, [batch, 1, height, width]) },
      expected: [...labels.subarray(first, first + batch)],
    };
  });
}
