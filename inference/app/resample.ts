import { MAX_SOUND_FRAMES, MAX_SOUND_RATE_HZ, MIN_SOUND_RATE_HZ } from './constants.ts';
import { SoundInvalidError } from './errors.ts';
import type { Sound } from './wav.ts';

/** Zero crossings of the kernel on each side of its middle: 16 keep what folds back below -70 dB. */
const ZERO_CROSSINGS = 16;
/** Table entries between two zero crossings; linear interpolation lies between them. */
const STEPS = 512;

let kernel: Float32Array | undefined;

/**
 * Brings a sound to another sample rate by band-limited interpolation (J. O. Smith, "Digital Audio Resampling",
 * https://ccrma.stanford.edu/~jos/resample/): a Hann-windowed sinc, widened when the rate falls so that nothing above
 * the new half rate folds back.
 *
 * @param rate samples per second of the result
 * @throws {TypeError} for a rate out of bounds @throws {SoundInvalidError} when the result would be too long
 */
export function resample(sound: Sound, rate: number): Sound {
  if (!Number.isInteger(rate) || rate < MIN_SOUND_RATE_HZ || rate > MAX_SOUND_RATE_HZ)
    throw new TypeError(`a sound cannot have ${rate} samples a second`);
  if (rate === sound.rate) return sound;
  const frames = Math.max(1, Math.round((sound.samples.length * rate) / sound.rate));
  if (frames > MAX_SOUND_FRAMES) throw new SoundInvalidError(`a sound of ${frames} samples after resampling`);
  const step = sound.rate / rate;
  const cutoff = Math.min(1, rate / sound.rate);
  const samples = new Float32Array(frames);
  for (let i = 0; i < frames; i += 1) samples[i] = interpolate(sound.samples, i * step, cutoff);
  return { rate, samples };
}

/** The signal at a position between samples. Beyond its ends it is silent. */
function interpolate(samples: Float32Array, position: number, cutoff: number): number {
  const table = (kernel ??= makeKernel());
  const reach = ZERO_CROSSINGS / cutoff;
  const first = Math.max(0, Math.ceil(position - reach));
  const last = Math.min(samples.length - 1, Math.floor(position + reach));
  let sum = 0;
  for (let i = first; i <= last; i += 1) {
    const at = Math.abs(position - i) * cutoff * STEPS;
    const entry = Math.floor(at);
    const here = table[entry]!;
    sum += samples[i]! * (here + (table[entry + 1]! - here) * (at - entry));
  }
  return sum * cutoff;
}

function makeKernel(): Float32Array {
  const table = new Float32Array(ZERO_CROSSINGS * STEPS + 2);
  for (let i = 0; i < ZERO_CROSSINGS * STEPS; i += 1) {
    const x = i / STEPS;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    table[i] = sinc * 0.5 * (1 + Math.cos((Math.PI * x) / ZERO_CROSSINGS));
  }
  return table;
}
