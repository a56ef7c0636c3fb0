import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { encodeSamples, float32, type Sample } from '../../core/index.ts';

/** The impulse model: a real one that is small. */
export const IMPULSE = fileURLToPath(new URL('../../apps/make/data/impulse_cnn.onnx', import.meta.url));

/** A model's folder with the impulse model and a few sounds, of which nobody knows what they are. */
export async function impulseFolder(dir: string, allow: readonly string[]): Promise<string> {
  await mkdir(dir, { recursive: true });
  await copyFile(IMPULSE, join(dir, 'model.onnx'));
  await writeFile(join(dir, 'validation.cbor'), encodeSamples({ samples: sounds(8) }));
  const card = {
    name: 'impulse',
    version: '1.0.0',
    licence: 'Apache-2.0',
    inputs: [{ name: 'waveform', type: 'float32', shape: ['b', 16_000] }],
    outputs: [{ name: 'prob', type: 'float32', shape: ['b', 1] }],
    metric: { kind: 'binary', output: 'prob', threshold: 0.5 },
    maxDrop: 0.1,
    rebuild: { allow },
    validation: 'validation.cbor',
  };
  await writeFile(join(dir, 'model.yaml'), stringify(card));
  return dir;
}

/** Bursts and hums, the same every time. */
function sounds(count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => ({
    inputs: {
      waveform: float32(
        Float32Array.from({ length: 16_000 }, (_unused, t) =>
          i % 2 === 0
            ? Math.sin(t * 0.02 * (i + 1)) * 0.2
            : Math.exp(-t / 900) * Math.sin(t * t * 0.37 + i) * 0.9,
        ),
        [1, 16_000],
      ),
    },
  }));
}
