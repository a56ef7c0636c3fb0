import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_FOLDER } from '../../../apps/make/data-folder.ts';
import { loadSources, makeClip, RATE_HZ } from '../../../apps/make/sounds/clips.ts';
import type { Use } from '../../../apps/make/sounds/labels.ts';
import { float32, type Sample } from '../../../core/index.ts';
import type { RebuildCase } from '../case.ts';

/** Clips of each source: there are few shots, so they are varied most. */
const CLIPS: Record<Use, { impulsive: number; quiet: number }> = {
  calibration: { impulsive: 8, quiet: 1 },
  validation: { impulsive: 16, quiet: 3 },
  demo: { impulsive: 60, quiet: 20 },
};

/**
 * Shots against all other noise. Its front end makes a logarithmic spectrum, whose range 8 bits cannot hold, and the
 * card does not say so: that is for the rebuild to find out.
 */
export const impulse: RebuildCase = {
  name: 'impulse',
  targets: { size: 0.45, drop: 0.005, latency: 1.03 },
  make: async () => ({
    card: {
      name: 'impulse',
      version: '1.0.0',
      licence: 'Apache-2.0',
      inputs: [{ name: 'waveform', type: 'float32', shape: ['batch', RATE_HZ] }],
      outputs: [{ name: 'prob', type: 'float32', shape: ['batch', 1] }],
      metric: { kind: 'binary', output: 'prob', threshold: 0.5 },
      maxDrop: 0.005,
    },
    weights: await readFile(join(DATA_FOLDER, 'impulse_cnn.onnx')),
    calibration: await clipSamples('calibration'),
    validation: await clipSamples('validation'),
    heldOut: await clipSamples('demo'),
  }),
};

/** Clips of the sources that serve one purpose, shots and others well mixed. */
async function clipSamples(use: Use): Promise<Sample[]> {
  const sources = await loadSources(use);
  const { impulsive, quiet } = CLIPS[use];
  const clips = sources.flatMap((source, at) =>
    Array.from({ length: source.impulsive ? impulsive : quiet }, (_, turn) => ({ source, at, turn })),
  );
  const inTurn = clips.sort((a, b) => shareOf(a) - shareOf(b) || a.at - b.at);
  return inTurn.map(({ source, at, turn }) => ({
    inputs: { waveform: float32(makeClip(source, at * 1000 + turn + 500_000).samples, [1, RATE_HZ]) },
    expected: source.impulsive ? 1 : 0,
  }));

  function shareOf({ source, turn }: (typeof clips)[number]): number {
    return (turn + 0.5) / (source.impulsive ? impulsive : quiet);
  }
}
