import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeWav } from '../../../inference/app/index.ts';
import { randomOf } from '../../../apps/make/random.ts';
import { debianPackage } from '../cache.ts';

export const SPEECH_RATE_HZ = 16_000;

/** Recordings of people by what they serve: nobody is heard in two of them. */
const RECORDINGS = {
  calibration: ['cards/001.wav', 'cards/002.wav', 'cards/003.wav', 'cards/004.wav', 'cards/005.wav'],
  validation: ['goforward.raw', 'numbers.raw', 'something.raw'],
  heldOut: ['0870', '0880', '0890', '0920', '0930'].map(
    (part) => `librivox/sense_and_sensibility_01_austen_64kb-${part}.wav`,
  ),
} as const;

export type SpeechUse = keyof typeof RECORDINGS;

/** Recordings as float32 between ±1, with a second of a quiet room before and after each. */
export async function speech(use: SpeechUse): Promise<Float32Array[]> {
  const folder = await debianPackage('pocketsphinx-testdata');
  return Promise.all(
    RECORDINGS[use].map(async (name, i) => {
      const bytes = await readFile(join(folder, 'usr/share/pocketsphinx/test/data', name));
      const spoken = name.endsWith('.wav') ? decodeWav(bytes).samples : fromPcm(bytes);
      return inRoom(spoken, 900_000 + i);
    }),
  );
}

/** Signed 16-bit samples, little-endian. */
function fromPcm(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length >> 1 }, (_, i) => view.getInt16(2 * i, true) / 32_768);
}

function inRoom(spoken: Float32Array, seed: number): Float32Array {
  const random = randomOf(seed);
  const level = random.between(0.0005, 0.004);
  const samples = Float32Array.from({ length: spoken.length + 2 * SPEECH_RATE_HZ }, () =>
    random.between(-level, level),
  );
  for (let i = 0; i < spoken.length; i += 1)
    samples[SPEECH_RATE_HZ + i] = (samples[SPEECH_RATE_HZ + i] ?? 0) + (spoken[i] ?? 0);
  return samples;
}
