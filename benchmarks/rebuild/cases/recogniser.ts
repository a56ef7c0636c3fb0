import { OCR_FILE, OCR_ORIGIN, readOcrFile } from '../../../apps/make/models/ocr-files.ts';
import type { RebuildCase } from '../case.ts';
import { lineSamples, OCR_CLASSES, seeds } from '../data/labels.ts';

const OUTPUT = 'softmax_11.tmp_0';

/** Convolutions, then two blocks of a transformer, then a layer of 6,625 classes. */
export const recogniser: RebuildCase = {
  name: 'ocr-recogniser',
  targets: { latency: 0.65, size: 0.3, drop: 0.01, seconds: 180 },
  make: async () => ({
    card: {
      name: 'ocr-recogniser',
      version: '1.0.0',
      ...OCR_ORIGIN,
      inputs: [{ name: 'x', type: 'float32', shape: ['batch', 3, 48, 'width'] }],
      outputs: [{ name: OUTPUT, type: 'float32', shape: ['batch', 'steps', OCR_CLASSES] }],
      metric: { kind: 'ctc-exact', output: OUTPUT, blank: 0 },
      maxDrop: 0.01,
    },
    weights: await readOcrFile(OCR_FILE.recogniser),
    calibration: await lineSamples(seeds(310_000, 24)),
    validation: await lineSamples(seeds(320_000, 128)),
    heldOut: await lineSamples(seeds(330_000, 150)),
    // Pixels are ±1 in 255 steps: packing loses nothing but the resizing's fractions.
    packing: { x: { scale: 2 / 255, shift: -1 } },
  }),
};
