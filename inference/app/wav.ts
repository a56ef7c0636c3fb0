import { MAX_EVENT_BYTES } from '../../core/index.ts';
import { MAX_SOUND_CHANNELS, MAX_SOUND_FRAMES, MAX_SOUND_RATE_HZ, MIN_SOUND_RATE_HZ } from './constants.ts';
import { SoundInvalidError } from './errors.ts';

/** A sound in memory: one channel, samples in ±1. */
export interface Sound {
  /** Samples per second. */
  rate: number;
  samples: Float32Array;
}

interface Format {
  float: boolean;
  channels: number;
  rate: number;
  bytes: number;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/**
 * Decodes a RIFF/WAVE file: PCM of 8, 16, 24 or 32 bits, or float of 32 or 64, any number of channels (their mean is
 * taken). A data chunk whose stated length runs past the end, as recorders that stream leave it, is read to the end.
 *
 * @throws {SoundInvalidError}
 */
export function decodeWav(bytes: Uint8Array): Sound {
  if (bytes.byteLength > MAX_EVENT_BYTES)
    throw new SoundInvalidError(`a sound of ${bytes.byteLength} bytes where ${MAX_EVENT_BYTES} are allowed`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || tag(bytes, 0) !== 'RIFF' || tag(bytes, 8) !== 'WAVE')
    throw new SoundInvalidError('not a WAV file');
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = tag(bytes, at);
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === 'fmt ') format = readFormat(view, start, length);
    if (name === 'data') {
      if (format === undefined) throw new SoundInvalidError('a WAV file whose data come before their format');
      return {
        rate: format.rate,
        samples: readSamples(view, start, Math.min(bytes.length, start + length), format),
      };
    }
    at = start + length + (length % 2);
  }
  throw new SoundInvalidError('a WAV file without data');
}

/** Encodes a sound as a WAV file of one channel, PCM 16 bits. Samples beyond ±1 are clipped. */
export function encodeWav(sound: Sound): Uint8Array {
  const { rate, samples } = sound;
  const bytes = new Uint8Array(44 + samples.length * 2);
  const view = new DataView(bytes.buffer);
  const text = new TextEncoder();
  bytes.set(text.encode('RIFF'), 0);
  view.setUint32(4, bytes.length - 8, true);
  bytes.set(text.encode('WAVEfmt '), 8);
  view.setUint32(16, 16, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  bytes.set(text.encode('data'), 36);
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, i) => {
    view.setInt16(44 + i * 2, Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))), true);
  });
  return bytes;
}

function tag(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function readFormat(view: DataView, start: number, length: number): Format {
  if (length < 16 || start + length > view.byteLength)
    throw new SoundInvalidError('a WAV file with a short format');
  let code = view.getUint16(start, true);
  // In the extensible form the real code is the first field of the sub-format's GUID.
  if (code === EXTENSIBLE && length >= 26) code = view.getUint16(start + 24, true);
  const channels = view.getUint16(start + 2, true);
  const rate = view.getUint32(start + 4, true);
  const bits = view.getUint16(start + 14, true);
  const known =
    (code === PCM && [8, 16, 24, 32].includes(bits)) || (code === FLOAT && [32, 64].includes(bits));
  if (!known) throw new SoundInvalidError(`a WAV file of format ${code} with ${bits} bits`);
  if (channels < 1 || channels > MAX_SOUND_CHANNELS)
    throw new SoundInvalidError(`a WAV file of ${channels} channels`);
  if (rate < MIN_SOUND_RATE_HZ || rate > MAX_SOUND_RATE_HZ)
    throw new SoundInvalidError(`a WAV file at ${rate} Hz`);
  return { float: code === FLOAT, channels, rate, bytes: bits / 8 };
}

function readSamples(view: DataView, start: number, end: number, format: Format): Float32Array {
  const { channels, bytes } = format;
  const frames = Math.floor((end - start) / (bytes * channels));
  if (frames < 1) throw new SoundInvalidError('a WAV file without a single sample');
  if (frames > MAX_SOUND_FRAMES)
    throw new SoundInvalidError(`a sound of ${frames} samples where ${MAX_SOUND_FRAMES} are allowed`);
  const read = sampleReader(view, format);
  const samples = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame += 1) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel += 1)
      sum += read(start + (frame * channels + channel) * bytes);
    samples[frame] = sum / channels;
  }
  return samples;
}

/** Reads the sample at a byte offset as a number in ±1. Float samples that are no numbers count as silence. */
function sampleReader(view: DataView, { float, bytes }: Format): (at: number) => number {
  if (float) {
    const read = (at: number) => (bytes === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
    return (at) => {
      const value = read(at);
      return Number.isNaN(value) ? 0 : Math.max(-1, Math.min(1, value));
    };
  }
  switch (bytes) {
    case 1:
      return (at) => (view.getUint8(at) - 128) / 128;
    case 2:
      return (at) => view.getInt16(at, true) / 32_768;
    case 3:
      return (at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8_388_608;
    default:
      return (at) => view.getInt32(at, true) / 2_147_483_648;
  }
}
