import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { decodeSamples, type Tensor } from '../../core/index.ts';
import { samplesFromArrays } from '../../cli/samples/from-arrays.ts';
import { samplesFromLines } from '../../cli/samples/from-lines.ts';
import { parseNpy } from '../../cli/samples/npy.ts';
import { floormesh } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A file as `numpy.save` writes it: magic, version, header padded to 64 bytes, values. */
function npy(descr: string, shape: string, data: ArrayBufferView, order = 'False'): Buffer {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  const values = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([
    Buffer.from('\u0093NUMPY\u0001\u0000', 'latin1'),
    length,
    Buffer.from(padded),
    values,
  ]);
}

test('arrays of NumPy are read with type and shape, float64 as the float32 that models take', (t) => {
  const tensor = parseNpy(npy('<f4', '2, 2', Float32Array.of(1.5, -2, 0, 3.25)), 'x.npy');
  t.deepEqual(tensor, { type: 'float32', dims: [2, 2], data: Float32Array.of(1.5, -2, 0, 3.25) });
  const wide = parseNpy(npy('<f8', '2,', Float64Array.of(1, 0.1)), 'x.npy');
  t.deepEqual(wide, { type: 'float32', dims: [2], data: Float32Array.of(1, 0.1) });
  t.deepEqual(parseNpy(npy('<i8', '1,', BigInt64Array.of(7n)), 'x.npy').data, BigInt64Array.of(7n));
  t.is(parseNpy(npy('|b1', '3,', Uint8Array.of(1, 0, 1)), 'x.npy').type, 'bool');
});

for (const [what, bytes, message] of [
  ['something else', Buffer.from('PK\u0003\u0004 and more than that'), /is no \.npy file/],
  [
    'a file that is cut off',
    npy('<f4', '2, 2', Float32Array.of(1, 2)),
    /8 bytes for a float32 tensor of 2x2/,
  ],
  ['a header that is cut off', npy('<f4', '2', Float32Array.of(1)).subarray(0, 40), /is cut off/],
  ['big-endian values', npy('>f4', '1,', Float32Array.of(1)), /is big-endian/],
  ['column-major order', npy('<f4', '1, 1', Float32Array.of(1), 'True'), /column-major/],
  ['objects', npy('|O', '1,', Float32Array.of(1)), /no array of numbers/],
] as const)
  test(`${what} is refused with the file's name`, (t) => {
    t.throws(() => parseNpy(bytes, 'x.npy'), { message });
  });

test('each place along the first axis becomes a sample with its truth', async (t) => {
  const dir = await temporaryFolder(t);
  const [x, y] = [join(dir, 'x.npy'), join(dir, 'y.npy')];
  await writeFile(x, npy('<f4', '3, 2', Float32Array.of(1, 2, 3, 4, 5, 6)));
  await writeFile(y, npy('<i8', '3, 3', BigInt64Array.of(7n, 8n, -1n, 9n, -1n, -1n, 1n, 2n, 3n)));
  const sources = {
    inputs: new Map([['x', x]]),
    expected: y,
    packing: {},
    asIs: new Set<string>(),
    from: 0,
    to: 2,
  };
  t.deepEqual((await samplesFromArrays(sources)).samples, [
    { inputs: { x: { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) } }, expected: [7, 8] },
    { inputs: { x: { type: 'float32', dims: [1, 2], data: Float32Array.of(3, 4) } }, expected: [9] },
  ]);
  await writeFile(y, npy('<i8', '2,', BigInt64Array.of(7n, 8n)));
  await t.throwsAsync(samplesFromArrays(sources), { message: /different numbers of samples: 3, 2/ });
  await t.throwsAsync(samplesFromArrays({ ...sources, expected: undefined, from: 3 }), {
    message: /none of them/,
  });
});

test('an input without an axis of batches is taken as it is: a state, a rate', async (t) => {
  const dir = await temporaryFolder(t);
  const names = ['x', 'state', 'rate'].map((name) => [name, join(dir, `${name}.npy`)] as const);
  const arrays = [
    npy('<f4', '2, 3', Float32Array.of(1, 2, 3, 4, 5, 6)),
    npy('<f4', '2, 2, 1', Float32Array.of(1, 2, 3, 4)),
    npy('<i8', '2,', BigInt64Array.of(8000n, 16_000n)),
  ];
  for (const [i, [, file]] of names.entries()) await writeFile(file, arrays[i] ?? '');
  const input = names.flatMap(([name, file]) => ['--input', `${name}=${file}`]);
  const out = join(dir, 'samples.cbor');
  const make = ['model', 'samples', ...input, '--as-is', 'state', '--as-is'];
  const { code, err } = await floormesh([...make, 'rate', '--out', out]);
  t.is(code, 0, err);
  const [, second] = decodeSamples(await readFile(out)).samples;
  t.deepEqual(second?.inputs, {
    x: { type: 'float32', dims: [1, 3], data: Float32Array.of(4, 5, 6) },
    state: { type: 'float32', dims: [2, 1], data: Float32Array.of(3, 4) },
    rate: { type: 'int64', dims: [], data: BigInt64Array.of(16_000n) },
  });
  const wrong = await floormesh([...make, 'sr', '--out', out, '--force']);
  t.is(wrong.code, 1);
  t.regex(wrong.err, /no array for the input sr/);
});

test('lines name arrays beside them or hold the numbers; a bad one is named', async (t) => {
  const dir = await temporaryFolder(t);
  const lines = join(dir, 'samples.jsonl');
  await writeFile(join(dir, 'a.npy'), npy('<f4', '1, 2', Float32Array.of(1, 2)));
  const inside = { type: 'int64', dims: [2], data: [3, 4] };
  await writeFile(
    lines,
    `${JSON.stringify({ inputs: { x: 'a.npy', n: inside }, expected: 1 })}\n\n${JSON.stringify({ inputs: { x: [[1, 2]], n: inside } })}\n`,
  );
  const { samples } = await samplesFromLines(lines);
  const n: Tensor = { type: 'int64', dims: [2], data: BigInt64Array.of(3n, 4n) };
  const x: Tensor = { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) };
  t.deepEqual(samples, [{ inputs: { x, n }, expected: 1 }, { inputs: { x, n } }]);
  for (const [bad, message] of [
    ['{', /samples\.jsonl, line 2: /],
    ['{"inputs": {"x": "none.npy"}}', /line 2: .*none\.npy/],
    ['{"inputs": {"x": {"type": "float32", "dims": [3], "data": [1]}}}', /line 2: x has 1 values for 3/],
    ['{"inputs": {"x": {"type": "float16", "dims": [1], "data": [1]}}}', /line 2: x has float16/],
    ['{"inputs": {"x": [[1, 2], [3]]}}', /line 2: x: its lists are not all of one length/],
    ['{"inputs": {"x": [[1, "two"]]}}', /line 2: x: only numbers/],
    ['{"inputs": {"x": 5}}', /line 2: inputs\.x: neither a \.npy file, nor numbers/],
    ['{"input": {}}', /line 2: /],
  ] as const) {
    await writeFile(lines, `{"inputs": {"x": "a.npy"}}\n${bad}\n`);
    await t.throwsAsync(samplesFromLines(lines), { message }, bad);
  }
});

test('the command writes a sample set that models are rebuilt with, bytes where it is told a scale', async (t) => {
  const dir = await temporaryFolder(t);
  const [pictures, labels, out] = ['p.npy', 'l.npy', 'validation.cbor'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(pictures, npy('|u1', '2, 1, 2, 2', Uint8Array.of(0, 64, 128, 255, 1, 2, 3, 4)));
  await writeFile(labels, npy('<i8', '2,', BigInt64Array.of(5n, 6n)));
  const args = ['model', 'samples', '--input', `image=${pictures}`, '--expected', labels, '--out', out];
  const made = await floormesh([...args, '--scale', 'image=0.5,-1']);
  t.is(made.code, 0, made.err);
  t.regex(made.out, /2 samples, 2 with a truth/);
  t.regex(made.out, /image float32 1x1x2x2/);
  const bytes = await readFile(out);
  const { samples } = decodeSamples(bytes);
  t.deepEqual(samples[0]?.inputs['image']?.data, Float32Array.of(-1, 31, 63, 126.5));
  t.is(samples[1]?.expected, 6);
  t.true(bytes.includes(Buffer.of(0, 64, 128, 255)), 'stored as bytes');
  const again = await floormesh(args);
  t.is(again.code, 1);
  t.regex(again.err, /ERR_FILE_EXISTS/);
  t.is((await floormesh(['model', 'samples', '--out', out, '--force'])).code, 2);
});
