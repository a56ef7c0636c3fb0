import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../cache.ts';
import type { RebuildCase } from '../case.ts';
import { readFashion } from '../data/clothes.ts';
import { GREY_PACKING, pictureBatches } from '../data/pictures.ts';
import { makeDenseNet, makeResNet, type MakeNetwork } from '../make/convolutions.ts';
import { fitHead } from '../make/fit-head.ts';

const CLASSES = 10;
const FILE = 'model.onnx';
const FITTED_ON = 6000;
const CALIBRATION = 64;
const VALIDATION = 200;
const HELD_OUT = 1000;

/** Networks of the two commonest kinds, to see that nothing here is made for the models above alone. */
export const denseNet = networkCase('densenet', makeDenseNet);
export const resNet = networkCase('resnet', makeResNet);

function networkCase(name: string, network: MakeNetwork): RebuildCase {
  return {
    name,
    targets: { latency: 1.03, drop: 0.015 },
    async make() {
      const train = await readFashion('train');
      const test = await readFashion('t10k');
      const folder = await cached(`made-${name}-1`, async (unfinished) => {
        const fitting = pictureBatches(train, 'image', { from: 0, count: FITTED_ON, batch: 50 });
        const head = await fitHead(network(), fitting, CLASSES);
        await writeFile(join(unfinished, FILE), network(head));
      });
      const part = (from: number, count: number) => pictureBatches(test, 'image', { from, count, batch: 1 });
      return {
        card: {
          name,
          version: '1.0.0',
          licence: 'Apache-2.0',
          inputs: [{ name: 'image', type: 'float32', shape: ['batch', 1, 28, 28] }],
          outputs: [{ name: 'logits', type: 'float32', shape: ['batch', CLASSES] }],
          metric: { kind: 'top1', output: 'logits' },
          maxDrop: 0.01,
        },
        weights: await readFile(join(folder, FILE)),
        calibration: pictureBatches(train, 'image', { from: FITTED_ON, count: CALIBRATION, batch: 1 }),
        validation: part(0, VALIDATION),
        heldOut: part(VALIDATION, HELD_OUT),
        packing: { image: GREY_PACKING },
      };
    },
  };
}
