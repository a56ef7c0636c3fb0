import type { ModelCard, Sample } from '../../../core/index.ts';
import { decodePicture, fitWithin, pictureTensor } from '../../../inference/app/index.ts';
import { DETECTOR_COLOURS, DETECTOR_MULTIPLE } from '../../label-reader/constants.ts';
import { renderLabelPicture } from '../pictures/render.ts';
import { CONVOLUTION_RECIPES, seeds, writeModelFolder } from './folder.ts';
import { OCR_FILE, OCR_ORIGIN, readOcrFile } from './ocr-files.ts';

/** The longer side of the samples: what the detector finds at this size tells what it finds at another. */
const SIDE = 480;
const PICTURE = { width: 720, height: 540 };
const CALIBRATION = seeds(210_000, 8);
const VALIDATION = seeds(220_000, 8);

/** Values lie between (0 - 0.485) / 0.229 and (1 - 0.406) / 0.225; 255 steps over that are finer than a grey level. */
const PACKING = { scale: 4.8 / 255, shift: -2.13 };

/** Writes `label-detector` 1.0.0. */
export async function writeDetector(path: string, signal?: AbortSignal): Promise<ModelCard> {
  return writeModelFolder(path, {
    card: {
      name: 'label-detector',
      version: '1.0.0',
      description: 'Finds lines of text in a picture: a map of how likely each pixel belongs to one.',
      ...OCR_ORIGIN,
      inputs: [{ name: 'x', type: 'float32', shape: ['batch', 3, 'height', 'width'] }],
      outputs: [{ name: 'sigmoid_0.tmp_0', type: 'float32', shape: ['batch', 1, 'height', 'width'] }],
      metric: { kind: 'iou', output: 'sigmoid_0.tmp_0', threshold: 0.3 },
      // A line's box moves by a pixel or two for the last few per cent of its area; the text in it stays the same.
      maxDrop: 0.06,
      rebuild: CONVOLUTION_RECIPES,
    },
    weights: await readOcrFile(OCR_FILE.detector),
    calibration: await pictureSamples(CALIBRATION, signal),
    validation: await pictureSamples(VALIDATION, signal),
    packing: { x: PACKING },
  });
}

async function pictureSamples(from: readonly number[], signal?: AbortSignal): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const seed of from) {
    signal?.throwIfAborted();
    const { jpeg } = await renderLabelPicture(seed, PICTURE);
    const picture = fitWithin(await decodePicture(jpeg), SIDE, DETECTOR_MULTIPLE);
    samples.push({ inputs: { x: pictureTensor(picture, DETECTOR_COLOURS) } });
  }
  return samples;
}
