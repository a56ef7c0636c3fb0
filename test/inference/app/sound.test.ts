import test from 'ava';
import { decodeWav, encodeWav, resample, SoundInvalidError } from '../../../inference/app/index.ts';

interface WavParts {
  code: number;
  channels: number;
  rate: number;
  bits: number;
  data: Uint8Array;
  /** Put before the data, as recorders do. */
  extra?: Uint8Array;
  /** What the header says of the data's length. */
  stated?: number;
}

/** A WAV file by hand, independent of the encoder. */
function wav({ code, channels, rate, bits, data, extra = new Uint8Array(), stated }: WavParts): Uint8Array {
  const bytes = Buffer.alloc(44 + extra.length);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(36 + extra.length + data.length, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(code, 20);
  bytes.writeUInt16LE(channels, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE((rate * channels * bits) / 8, 28);
  bytes.writeUInt16LE((channels * bits) / 8, 32);
  bytes.writeUInt16LE(bits, 34);
  bytes.set(extra, 36);
  bytes.write('data', 36 + extra.length, 'latin1');
  bytes.writeUInt32LE(stated ?? data.length, 40 + extra.length);
  return new Uint8Array(Buffer.concat([bytes, data]));
}

const bytesOf = (array: Int16Array | Int32Array | Float32Array | Float64Array): Uint8Array =>
  new Uint8Array(array.buffer);
const mono = { channels: 1, rate: 8000 };
const rounded = (samples: Float32Array): number[] =>
  Array.from(samples, (value) => Math.round(value * 1000) / 1000);

test('every usual sample format is read as ±1', (t) => {
  const wanted = [-1, 0, 0.5];
  const files = {
    '8 bits': wav({ ...mono, code: 1, bits: 8, data: Uint8Array.of(0, 128, 192) }),
    '16 bits': wav({ ...mono, code: 1, bits: 16, data: bytesOf(Int16Array.of(-32_768, 0, 16_384)) }),
    '24 bits': wav({ ...mono, code: 1, bits: 24, data: Uint8Array.of(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40) }),
    '32 bits': wav({ ...mono, code: 1, bits: 32, data: bytesOf(Int32Array.of(-(2 ** 31), 0, 2 ** 30)) }),
    'float 32': wav({ ...mono, code: 3, bits: 32, data: bytesOf(Float32Array.of(-1.5, NaN, 0.5)) }),
    'float 64': wav({ ...mono, code: 3, bits: 64, data: bytesOf(Float64Array.of(-1, 0, 0.5)) }),
  };
  for (const [name, file] of Object.entries(files)) {
    const sound = decodeWav(file);
    t.is(sound.rate, 8000, name);
    t.deepEqual(rounded(sound.samples), wanted, name);
  }
});

test('channels are mixed to one', (t) => {
  const data = bytesOf(Int16Array.of(16_384, 0, 0, -32_768, 8192, 8192));
  t.deepEqual(
    rounded(decodeWav(wav({ code: 1, channels: 2, rate: 8000, bits: 16, data })).samples),
    [0.25, -0.5, 0.25],
  );
});

test('other chunks are passed over, and a recorder that never closed its file is read to the end', (t) => {
  const data = bytesOf(Int16Array.of(16_384, -16_384));
  // Three bytes and one of padding: chunks lie on even offsets.
  const extra = Uint8Array.from([...Buffer.from('LIST', 'latin1'), 3, 0, 0, 0, 1, 2, 3, 0]);
  t.deepEqual(rounded(decodeWav(wav({ ...mono, code: 1, bits: 16, data, extra })).samples), [0.5, -0.5]);
  for (const stated of [0xffffffff, 1000])
    t.deepEqual(rounded(decodeWav(wav({ ...mono, code: 1, bits: 16, data, stated })).samples), [0.5, -0.5]);
});

test('what is no WAV file, or one of an unknown kind, is refused by name', (t) => {
  const data = new Uint8Array(64);
  const whole = wav({ ...mono, code: 1, bits: 16, data });
  const bad = {
    empty: new Uint8Array(),
    text: new TextEncoder().encode('RIFFnothing of the kind'),
    'cut before the data': whole.subarray(0, 40),
    'no samples': wav({ ...mono, code: 1, bits: 16, data: new Uint8Array() }),
    ADPCM: wav({ ...mono, code: 2, bits: 4, data }),
    '12 bits': wav({ ...mono, code: 1, bits: 12, data }),
    'no channels': wav({ ...mono, channels: 0, code: 1, bits: 16, data }),
    'no rate': wav({ ...mono, rate: 0, code: 1, bits: 16, data }),
  };
  for (const [name, file] of Object.entries(bad)) {
    t.throws(() => decodeWav(file), { instanceOf: SoundInvalidError, code: 'ERR_SOUND_INVALID' }, name);
  }
});

test('a sound with more samples than the bound is refused', (t) => {
  const file = wav({ ...mono, code: 1, bits: 8, data: new Uint8Array(17 * 1024 * 1024) });
  t.throws(() => decodeWav(file), { instanceOf: SoundInvalidError });
});

test('what is encoded is decoded to the same samples, clipped at ±1', (t) => {
  const samples = Float32Array.of(0, 0.25, -0.5, 3, -3);
  const back = decodeWav(encodeWav({ rate: 16_000, samples }));
  t.is(back.rate, 16_000);
  t.deepEqual(rounded(back.samples), [0, 0.25, -0.5, 1, -1]);
});

const tone = (hertz: number, rate: number, seconds = 0.5): Float32Array =>
  Float32Array.from({ length: rate * seconds }, (_, i) => 0.8 * Math.sin((2 * Math.PI * hertz * i) / rate));

/** The largest difference, away from the ends where silence comes in. */
function difference(a: Float32Array, b: Float32Array): number {
  const edge = 400;
  return a.slice(edge, -edge).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i + edge]!)), 0);
}

test('a tone stays the same tone at another rate', (t) => {
  for (const rate of [8000, 11_025, 22_050, 44_100, 48_000]) {
    const moved = resample({ rate, samples: tone(1000, rate) }, 16_000);
    t.is(moved.rate, 16_000);
    t.true(Math.abs(moved.samples.length - 8000) <= 1);
    t.true(difference(moved.samples, tone(1000, 16_000)) < 0.005, `from ${rate} Hz`);
  }
});

test('what lies above the new half rate is gone, not folded back', (t) => {
  const moved = resample({ rate: 48_000, samples: tone(12_000, 48_000) }, 16_000);
  t.true(difference(moved.samples, new Float32Array(moved.samples.length)) < 0.005);
});

test('a rate that no sound may have is a mistake of the program', (t) => {
  const sound = { rate: 8000, samples: new Float32Array(8) };
  for (const rate of [0, -1, 1.5, NaN, 1e9]) t.throws(() => resample(sound, rate), { instanceOf: TypeError });
});
