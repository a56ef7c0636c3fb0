import { renderCrop, renderLabelPicture } from '../../../apps/make/index.ts';
import { OCR_FILE, readOcrFile } from '../../../apps/make/models/ocr-files.ts';
import {
  DETECTOR_COLOURS,
  DETECTOR_MULTIPLE,
  LINE_BOUNDS,
  LINE_HEIGHT,
  RECOGNISER_COLOURS,
} from '../../../apps/label-reader/constants.ts';
import type { Sample } from '../../../core/index.ts';
import {
  decodePicture,
  fitHeight,
  fitWithin,
  parseCharset,
  pictureTensor,
} from '../../../inference/app/index.ts';

/** Classes of the recogniser: its characters, a blank and a space. */
export const OCR_CLASSES = 6625;

/** The numbers from `first` on: seeds of samples. */
export function seeds(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Lines of text as the recogniser gets them, and what they say. */
export async function lineSamples(from: readonly number[]): Promise<Sample[]> {
  const charset = parseCharset(await readOcrFile(OCR_FILE.charset), OCR_CLASSES);
  const samples: Sample[] = [];
  for (const seed of from) {
    const { picture, text } = await renderCrop(seed);
    const x = pictureTensor(fitHeight(picture, LINE_HEIGHT, LINE_BOUNDS), RECOGNISER_COLOURS);
    samples.push({ inputs: { x }, expected: [...text].map((character) => charset.indexOf(character)) });
  }
  return samples;
}

/** Pictures as the detector gets them, no side longer than `side` pixels. `input` is the tensor's name. */
export async function pictureSamples(from: readonly number[], side: number, input = 'x'): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const seed of from) {
    const { jpeg } = await renderLabelPicture(seed, { width: side * 1.5, height: side * 1.125 });
    const picture = fitWithin(await decodePicture(jpeg), side, DETECTOR_MULTIPLE);
    samples.push({ inputs: { [input]: pictureTensor(picture, DETECTOR_COLOURS) } });
  }
  return samples;
}
