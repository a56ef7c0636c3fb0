/**
 * Writes the source sounds of impulse-alert's sample sets from a WAD of the Freedoom project:
 *
 *     node apps/make/extract-sounds.ts [FILE]
 *
 * The default is where Debian's package `freedoom` puts it. What comes out is committed; this script says how it was
 * made. Every sound lump is either written or listed as left out, with the reason.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AMBIGUOUS, IMPULSIVE, QUIET_TURNS, type Use } from './sounds/labels.ts';
import { type LumpSound, readLumps, readSound } from './sounds/wad.ts';

const WAD = '/usr/share/games/doom/freedoom2.wad';
const OUT = join(import.meta.dirname, 'data/sounds');
/** A window is one second; the rest lets it begin late. */
const KEEP_SECONDS = 1.5;

interface Kept {
  file: string;
  lump: string;
  impulsive: boolean;
  use: Use;
}

interface LeftOut {
  lump: string;
  reason: string;
}

await extract(process.argv[2] ?? WAD);

async function extract(path: string): Promise<void> {
  const lumps = readLumps(await readFile(path)).filter(({ name }) => name.startsWith('DS'));
  const kept: Kept[] = [];
  const leftOut: LeftOut[] = [];
  const seen = new Map<string, string>();
  let turn = 0;
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  for (const lump of lumps.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const sound = readSound(lump);
    const reason = reasonAgainst(lump.name, sound, seen);
    if (sound === undefined || reason !== undefined) {
      leftOut.push({ lump: lump.name, reason: reason ?? 'it holds no sound' });
      continue;
    }
    const impulsive = IMPULSIVE[lump.name];
    const use = impulsive ?? QUIET_TURNS[turn++ % QUIET_TURNS.length]!;
    const file = `${lump.name.slice(2).toLowerCase()}.wav`;
    await writeFile(join(OUT, file), toWav(sound));
    kept.push({ file, lump: lump.name, impulsive: impulsive !== undefined, use });
  }
  const source = 'Freedoom (https://freedoom.github.io), BSD-3-Clause, see COPYING.freedoom';
  await writeFile(
    join(OUT, '../sounds.json'),
    `${JSON.stringify({ source, sounds: kept, leftOut }, null, 1)}\n`,
  );
  console.log(`${kept.length} sounds, ${leftOut.length} left out`);
}

function reasonAgainst(
  name: string,
  sound: LumpSound | undefined,
  seen: Map<string, string>,
): string | undefined {
  if (sound === undefined) return 'it holds no sound';
  const bytes = Buffer.from(sound.samples).toString('latin1');
  const twin = seen.get(bytes);
  if (twin !== undefined) return `the same as ${twin}`;
  seen.set(bytes, name);
  return AMBIGUOUS[name];
}

/** A WAV file of 8 bits: nothing of the source is lost, and nothing is added. */
function toWav({ rate, samples }: LumpSound): Uint8Array {
  const kept = samples.subarray(0, Math.round(rate * KEEP_SECONDS));
  const wav = new Uint8Array(44 + kept.length + (kept.length % 2));
  const view = new DataView(wav.buffer);
  wav.set(Buffer.from('RIFF....WAVEfmt ....................data....', 'latin1'));
  view.setUint32(4, wav.length - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  view.setUint32(40, kept.length, true);
  wav.set(kept, 44);
  return wav;
}
