/** A named piece of a WAD file, the archive of the game Doom and its kin. */
export interface Lump {
  name: string;
  data: Uint8Array;
}

/** A sound as Doom keeps it: unsigned bytes, one channel. */
export interface LumpSound {
  rate: number;
  samples: Uint8Array;
}

const HEADER_BYTES = 12;
const ENTRY_BYTES = 16;
/** Format, rate, count; then the samples, with 16 bytes of padding on either side. */
const SOUND_HEADER_BYTES = 8;
const PADDING_BYTES = 16;
const SAMPLED = 3;

/**
 * Lists the lumps of a WAD file (https://doomwiki.org/wiki/WAD).
 *
 * @throws {TypeError} when it is none
 */
export function readLumps(wad: Uint8Array): Lump[] {
  const view = new DataView(wad.buffer, wad.byteOffset, wad.byteLength);
  if (wad.length < HEADER_BYTES || !['IWAD', 'PWAD'].includes(textAt(wad, 0, 4)))
    throw new TypeError('not a WAD file');
  const [count, directory] = [view.getInt32(4, true), view.getInt32(8, true)];
  if (count < 0 || directory < 0 || directory + count * ENTRY_BYTES > wad.length)
    throw new TypeError('a WAD file that is cut off');
  return Array.from({ length: count }, (_, i) => {
    const entry = directory + i * ENTRY_BYTES;
    const start = view.getInt32(entry, true);
    const end = start + view.getInt32(entry + 4, true);
    return { name: textAt(wad, entry + 8, 8), data: wad.subarray(start, end) };
  });
}

/** The sampled sound in a lump (https://doomwiki.org/wiki/Sound); undefined when it holds none. */
export function readSound({ data }: Lump): LumpSound | undefined {
  if (data.length < SOUND_HEADER_BYTES + 2 * PADDING_BYTES) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (view.getUint16(0, true) !== SAMPLED) return undefined;
  const end = Math.min(data.length, SOUND_HEADER_BYTES + view.getUint32(4, true)) - PADDING_BYTES;
  return { rate: view.getUint16(2, true), samples: data.subarray(SOUND_HEADER_BYTES + PADDING_BYTES, end) };
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length)).replace(/\0.*$/s, '');
}
