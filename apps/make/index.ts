/**
 * Makes what the sample apps need and no repository should hold: model folders with their sample sets, pictures of
 * labels, recordings. Everything is the same on every run.
 */
import { join } from 'node:path';
import type { ModelCard } from '../../core/index.ts';
import { writeDetector } from './models/detector.ts';
import { writeImpulse } from './models/impulse.ts';
import { writeLatinRecogniser, writeRecogniser } from './models/recogniser.ts';

export { demoPictures, demoSounds } from './demo.ts';
export type { DemoSound } from './demo.ts';
export { renderCrop, renderLabelPicture } from './pictures/render.ts';
export type { LabelCrop, LabelPicture, RenderOptions } from './pictures/render.ts';

/** A model folder that was written. */
export interface WrittenModel {
  path: string;
  card: ModelCard;
}

const MODELS = {
  'label-detector': writeDetector,
  'label-recogniser': writeRecogniser,
  'label-recogniser-2': writeLatinRecogniser,
  impulse: writeImpulse,
} as const;

export type SampleModel = keyof typeof MODELS;

export interface WriteModelsOptions {
  signal?: AbortSignal;
  /** Which ones. Default: all of them. */
  only?: readonly SampleModel[];
}

/** Writes complete model folders below `dir`, by the names of their folders. */
export async function writeModels(dir: string, options: WriteModelsOptions = {}): Promise<WrittenModel[]> {
  const written: WrittenModel[] = [];
  for (const name of options.only ?? (Object.keys(MODELS) as SampleModel[])) {
    options.signal?.throwIfAborted();
    const path = join(dir, name);
    written.push({ path, card: await MODELS[name](path, options.signal) });
  }
  return written;
}
