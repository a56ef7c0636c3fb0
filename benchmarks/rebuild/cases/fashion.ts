import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaseModel, RebuildCase } from '../case.ts';
import { readFashion } from '../data/clothes.ts';
import { GREY_PACKING, pictureBatches } from '../data/pictures.ts';

const CALIBRATION = 128;
const VALIDATION = 2048;

/** Clothes in sixty-fours: throughput. */
export const fashion: RebuildCase = {
  name: 'fashion',
  targets: { latency: 0.55, size: 0.32, drop: 0.002 },
  make: () => makeFashion(64),
};

/** The same, one by one, as a camera would send them. */
export const fashionSingle: RebuildCase = {
  name: 'fashion-single',
  targets: { latency: 1.03, drop: 0.002 },
  make: () => makeFashion(1),
};

async function makeFashion(batch: number): Promise<CaseModel> {
  const train = await readFashion('train');
  const test = await readFashion('t10k');
  const count = test.labels.length;
  return {
    card: {
      name: 'fashion',
      version: '1.0.0',
      licence: 'Apache-2.0',
      inputs: [{ name: 'image', type: 'float32', shape: ['batch', 1, 28, 28] }],
      outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 10] }],
      metric: { kind: 'top1', output: 'logits' },
      maxDrop: 0.005,
    },
    weights: await readFile(join(import.meta.dirname, '../models/fashion_cnn.onnx')),
    calibration: pictureBatches(train, 'image', { from: 0, count: CALIBRATION, batch: Math.min(batch, 16) }),
    validation: pictureBatches(test, 'image', { from: 0, count: VALIDATION, batch }),
    heldOut: pictureBatches(test, 'image', { from: VALIDATION, count: count - VALIDATION, batch }),
    packing: { image: GREY_PACKING },
  };
}
