import { DATA_FOLDER } from '../data-folder.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeWav, resample, type Sound } from '../../../inference/app/index.ts';
import { type Random, randomOf } from '../random.ts';
import type { Use } from './labels.ts';

/** A source sound at the model's rate. */
export interface Source {
  lump: string;
  impulsive: boolean;
  sound: Sound;
}

interface Listed {
  file: string;
  lump: string;
  impulsive: boolean;
  use: Use;
}

export const RATE_HZ = 16_000;
/** A clip begins this late at most, so that most of a short bang lies in its window. */
const LATEST_START = 0.35;

/** The source sounds for a use, in the order of their names. */
export async function loadSources(use: Use): Promise<Source[]> {
  const { sounds } = JSON.parse(await readFile(join(DATA_FOLDER, 'sounds.json'), 'utf8')) as {
    sounds: Listed[];
  };
  const wanted = sounds.filter((sound) => sound.use === use);
  return Promise.all(
    wanted.map(async ({ file, lump, impulsive }) => ({
      lump,
      impulsive,
      sound: resample(decodeWav(await readFile(join(DATA_FOLDER, 'sounds', file))), RATE_HZ),
    })),
  );
}

/** A stretch of sound with the source somewhere in its beginning: other level, other start, faint noise around it. */
export function makeClip(source: Source, seed: number, seconds = 1): Sound {
  const random = randomOf(seed);
  const samples = roomNoise(random, Math.round(seconds * RATE_HZ));
  const start = Math.floor(random.between(0, LATEST_START) * RATE_HZ);
  mix(samples, source.sound.samples, start, random.between(0.3, 0.95));
  return { rate: RATE_HZ, samples };
}

/** Adds a sound from a sample on, as far as there is room; what goes beyond ±1 is clipped as a recorder clips it. */
export function mix(into: Float32Array, sound: Float32Array, start: number, gain: number): void {
  const length = Math.min(sound.length, into.length - start);
  for (let i = 0; i < length; i += 1)
    into[start + i] = Math.max(-1, Math.min(1, into[start + i]! + gain * sound[i]!));
}

/** The hiss of an empty hall. */
export function roomNoise(random: Random, length: number): Float32Array {
  const level = random.between(0.0005, 0.004);
  return Float32Array.from({ length }, () => random.between(-level, level));
}
