import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RebuildCase } from '../case.ts';
import { readDigits } from '../data/digits.ts';
import { GREY_PACKING, pictureBatches } from '../data/pictures.ts';

const CALIBRATION = 100;
const VALIDATION = 1000;

/** Digits, one by one: a model so small that the runtime's overhead per node counts. */
export const mnist: RebuildCase = {
  name: 'mnist',
  targets: { latency: 0.6, drop: 0.01 },
  async make() {
    const digits = await readDigits();
    const heldOut = CALIBRATION + VALIDATION;
    const part = (from: number, count: number) => pictureBatches(digits, 'image', { from, count, batch: 1 });
    return {
      card: {
        name: 'mnist',
        version: '1.0.0',
        licence: 'Apache-2.0',
        inputs: [{ name: 'image', type: 'float32', shape: ['batch', 1, 28, 28] }],
        outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 10] }],
        metric: { kind: 'top1', output: 'logits' },
        maxDrop: 0.01,
      },
      weights: await readFile(join(import.meta.dirname, '../models/mnist_cnn.onnx')),
      calibration: part(0, CALIBRATION),
      validation: part(CALIBRATION, VALIDATION),
      heldOut: part(heldOut, digits.labels.length - heldOut),
      packing: { image: GREY_PACKING },
    };
  },
};
