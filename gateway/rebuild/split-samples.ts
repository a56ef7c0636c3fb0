import { readFile, writeFile } from 'node:fs/promises';
import { decode, decodeSamples, encode, MAX_SAMPLE_SET_BYTES } from '../../core/index.ts';

/** Sets with fewer samples stay whole: what would be held back says too little, and calibrating needs the rest. */
const LEAST_TO_SPLIT = 12;
/** One of so many is held back: from all over the set, since sets are often sorted. */
const HELD_OUT_EVERY = 3;

/**
 * Cuts a sample set into one to calibrate with and one to judge by. The samples stay packed as they are.
 *
 * @returns how many were held back; 0 where there are too few, and nothing is written then
 * @throws {InvalidInputError} when it is no sample set
 */
export async function splitSamples(paths: {
  samples: string;
  calibration: string;
  heldOut: string;
}): Promise<number> {
  const bytes = await readFile(paths.samples);
  const count = decodeSamples(bytes).samples.length;
  if (count < LEAST_TO_SPLIT) return 0;
  const set = decode(bytes, MAX_SAMPLE_SET_BYTES) as { samples: unknown[] };
  const isHeldOut = (i: number): boolean => i % HELD_OUT_EVERY === HELD_OUT_EVERY - 1;
  const calibration = set.samples.filter((_, i) => !isHeldOut(i));
  const heldOut = set.samples.filter((_, i) => isHeldOut(i));
  await writeFile(paths.calibration, encode({ ...set, samples: calibration }));
  await writeFile(paths.heldOut, encode({ ...set, samples: heldOut }));
  return heldOut.length;
}
