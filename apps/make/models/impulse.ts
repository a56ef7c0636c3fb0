import { DATA_FOLDER } from '../data-folder.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32, type ModelCard, type Sample } from '../../../core/index.ts';
import { loadSources, makeClip, RATE_HZ } from '../sounds/clips.ts';
import type { Use } from '../sounds/labels.ts';
import { CONVOLUTION_RECIPES, writeModelFolder } from './folder.ts';

const TERMS = 'COPYING.freedoom';
/** Clips of each source: the few shots are varied, so that they are a third of the samples. */
const CLIPS: Record<Use, { impulsive: number; quiet: number; most: number }> = {
  calibration: { impulsive: 4, quiet: 1, most: 24 },
  validation: { impulsive: 4, quiet: 1, most: 60 },
  demo: { impulsive: 1, quiet: 1, most: 10 },
};

/** Writes `impulse` 1.0.0. */
export async function writeImpulse(path: string, signal?: AbortSignal): Promise<ModelCard> {
  return writeModelFolder(path, {
    card: {
      name: 'impulse',
      version: '1.0.0',
      description: 'How likely one second of sound (16 kHz, ±1) holds a shot or an explosion.',
      licence: 'Apache-2.0 AND BSD-3-Clause',
      source: 'floormesh; samples from Freedoom (https://freedoom.github.io), BSD-3-Clause',
      inputs: [{ name: 'waveform', type: 'float32', shape: ['batch', RATE_HZ] }],
      outputs: [{ name: 'prob', type: 'float32', shape: ['batch', 1] }],
      metric: { kind: 'binary', output: 'prob', threshold: 0.5 },
      maxDrop: 0.035,
      rebuild: CONVOLUTION_RECIPES,
    },
    weights: await readFile(join(DATA_FOLDER, 'impulse_cnn.onnx')),
    calibration: await clipSamples('calibration', signal),
    validation: await clipSamples('validation', signal),
    terms: { [TERMS]: await readFile(join(DATA_FOLDER, TERMS)) },
  });
}

async function clipSamples(use: Use, signal?: AbortSignal): Promise<Sample[]> {
  const { impulsive, quiet, most } = CLIPS[use];
  const samples: Sample[] = [];
  // Shots first, and then as many of the others as there is room for.
  const sources = (await loadSources(use)).sort((a, b) => Number(b.impulsive) - Number(a.impulsive));
  for (const source of sources) {
    for (let i = 0; i < (source.impulsive ? impulsive : quiet) && samples.length < most; i += 1) {
      signal?.throwIfAborted();
      const clip = makeClip(source, seedOf(source.lump) + i);
      samples.push({
        inputs: { waveform: float32(clip.samples, [1, RATE_HZ]) },
        expected: source.impulsive ? 1 : 0,
      });
    }
  }
  return samples;
}

/** Another seed for every lump, the same on every run. */
function seedOf(lump: string): number {
  return [...lump].reduce((seed, character) => (seed * 31 + character.charCodeAt(0)) % 1_000_003, 7) * 16;
}
