import { encodeWav } from '../../inference/app/index.ts';
import { type LabelPicture, renderLabelPicture } from './pictures/render.ts';
import { randomOf } from './random.ts';
import { loadSources, mix, RATE_HZ, roomNoise } from './sounds/clips.ts';

/** A recording for the demo. */
export interface DemoSound {
  name: string;
  wav: Uint8Array;
  impulsive: boolean;
}

const SECONDS = 3;
const GAIN = 0.8;
/** Every fourth picture shows a label that is wrong. */
const DEFECT_EVERY = 4;

/** Recordings of three seconds, each with one sound in its middle that no sample set holds. */
export async function demoSounds(): Promise<DemoSound[]> {
  const sources = await loadSources('demo');
  return sources.map(({ lump, impulsive, sound }, i) => {
    const samples = roomNoise(randomOf(310_000 + i), SECONDS * RATE_HZ);
    mix(samples, sound.samples, RATE_HZ, GAIN);
    return {
      name: `${lump.slice(2).toLowerCase()}.wav`,
      wav: encodeWav({ rate: RATE_HZ, samples }),
      impulsive,
    };
  });
}

/** Pictures of labels, the last of every four with a wrong one. The same for the same seed. */
export async function demoPictures(count: number, seed: number): Promise<LabelPicture[]> {
  const pictures: LabelPicture[] = [];
  for (let i = 0; i < count; i += 1)
    pictures.push(
      await renderLabelPicture(seed * 1000 + i, { defect: i % DEFECT_EVERY === DEFECT_EVERY - 1 }),
    );
  return pictures;
}
