import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  encodeSamples,
  type ModelCard,
  type Packing,
  parseModelCard,
  type Sample,
} from '../../../core/index.ts';

/** What may pay for networks of convolutions; the other recipes would only take the time of a demonstration. */
export const CONVOLUTION_RECIPES: ModelCard['rebuild'] = {
  allow: ['original', 'optimize', 'fp16', 'int8-weights', 'int8-static'],
  keepFloat: [],
};

/** Everything that a model folder holds. */
export interface ModelFolder {
  /** What the card says beyond its defaults; the names of the files below are added. */
  card: Omit<Partial<ModelCard>, 'weights' | 'calibration' | 'validation' | 'files'>;
  weights: Uint8Array;
  calibration: Sample[];
  validation: Sample[];
  /** How inputs may be packed, by their names. */
  packing?: Record<string, Packing>;
  charset?: Uint8Array;
  /** Licence texts that must go along, by file name. */
  terms?: Record<string, Uint8Array>;
}

/**
 * Writes a model folder: `model.yaml`, `model.onnx`, `calibration.cbor`, `validation.cbor`, and `charset.txt` and
 * licence texts where there are any. Files of the same name are replaced.
 *
 * @throws {InvalidCardError} when the card is not valid
 */
export async function writeModelFolder(path: string, folder: ModelFolder): Promise<ModelCard> {
  const raw = {
    ...folder.card,
    weights: 'model.onnx',
    calibration: 'calibration.cbor',
    validation: 'validation.cbor',
    ...(folder.charset === undefined ? {} : { files: { charset: 'charset.txt' } }),
  };
  const card = parseModelCard(raw);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'model.onnx'), folder.weights);
  await writeFile(
    join(path, 'calibration.cbor'),
    encodeSamples({ samples: folder.calibration }, folder.packing),
  );
  await writeFile(
    join(path, 'validation.cbor'),
    encodeSamples({ samples: folder.validation }, folder.packing),
  );
  if (folder.charset !== undefined) await writeFile(join(path, 'charset.txt'), folder.charset);
  for (const [name, text] of Object.entries(folder.terms ?? {})) await writeFile(join(path, name), text);
  await writeFile(join(path, 'model.yaml'), stringify(raw));
  return card;
}

/** The numbers from `first` on: seeds of samples. */
export function seeds(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
