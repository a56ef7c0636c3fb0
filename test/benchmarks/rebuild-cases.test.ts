import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadSources } from '../../apps/make/sounds/clips.ts';
import { encodeSamples, float32, type Sample } from '../../core/index.ts';
import { impulse } from '../../benchmarks/rebuild/cases/impulse.ts';
import { sentences } from '../../benchmarks/rebuild/data/tokens.ts';
import { fitHead } from '../../benchmarks/rebuild/make/fit-head.ts';
import { GraphWriter } from '../../benchmarks/rebuild/make/graph-writer.ts';
import { makeTransformer, MINILM } from '../../benchmarks/rebuild/make/transformer.ts';
import { measure } from '../../benchmarks/rebuild/measure.ts';
import { openPlain } from '../../benchmarks/rebuild/plain.ts';
import { DATA_TYPE, makeValueInfo } from '../../gateway/rebuild/onnx/index.ts';

const SMALL = {
  ...MINILM,
  layers: 2,
  hidden: 48,
  heads: 4,
  intermediate: 96,
  vocabulary: 2000,
  positions: 80,
};
const SEQUENCE = 64;

async function run(weights: Uint8Array, { inputs }: Sample): Promise<Float32Array> {
  const model = await openPlain(weights);
  const [output] = Object.values(await model.run(inputs));
  await model.close();
  return output?.data as Float32Array;
}

test('the transformer is the same on every make, runs, and does not look at padding', async (t) => {
  const weights = makeTransformer(SMALL);
  t.deepEqual(makeTransformer(SMALL), weights);
  const sample = sentences(5, 8, SEQUENCE, SMALL.vocabulary).find(({ inputs }) => {
    const last = inputs['attention_mask']?.data.at(-1);
    return last === 0n;
  });
  if (sample === undefined) throw new TypeError('no sentence is padded');
  const before = await run(weights, sample);
  t.is(before.length, SEQUENCE * SMALL.hidden);
  t.true(before.every(Number.isFinite));
  const { input_ids: ids, attention_mask: mask } = sample.inputs;
  const padded = (ids?.data as BigInt64Array).slice().fill(7n, -1);
  const after = await run(weights, {
    inputs: { attention_mask: mask!, input_ids: { ...ids!, data: padded } },
  });
  t.deepEqual(after.slice(0, SMALL.hidden), before.slice(0, SMALL.hidden));
  const changed = padded.slice().fill(7n, 1, 2);
  const other = await run(weights, {
    inputs: { attention_mask: mask!, input_ids: { ...ids!, data: changed } },
  });
  t.notDeepEqual(other.slice(0, SMALL.hidden), before.slice(0, SMALL.hidden));
});

test('sentences of two seeds share none, and frequent words are frequent', (t) => {
  const textsOf = (seed: number): string[] =>
    sentences(seed, 40, SEQUENCE, MINILM.vocabulary).map(({ inputs }) => String(inputs['input_ids']?.data));
  const first = textsOf(1);
  t.is(new Set([...first, ...textsOf(3)]).size, 80);
  t.deepEqual(textsOf(1), first);
  const counts = new Map<string, number>();
  for (const word of first.join(',').split(',')) counts.set(word, (counts.get(word) ?? 0) + 1);
  counts.delete('0');
  t.true(Math.max(...counts.values()) > 20);
  t.true([...counts.values()].filter((count) => count === 1).length > 200);
});

test('no sound serves two purposes in the impulse case, and its card names no node', async (t) => {
  const uses = ['calibration', 'validation', 'demo'] as const;
  const lumps = await Promise.all(uses.map(async (use) => (await loadSources(use)).map(({ lump }) => lump)));
  t.is(new Set(lumps.flat()).size, lumps.flat().length);
  const { card, calibration, validation, heldOut } = await impulse.make();
  t.deepEqual(card.rebuild?.keepFloat ?? [], []);
  const clips = [...calibration, ...validation, ...heldOut].map(({ inputs }) =>
    Buffer.from(encodeSamples({ samples: [{ inputs }] })).toString('base64'),
  );
  t.is(new Set(clips).size, clips.length);
  t.true(heldOut.length >= 400);
});

test('a fitted head tells classes apart that the features tell apart', async (t) => {
  const graph = new GraphWriter();
  graph.op('Mul', ['image', graph.scalar(2)], {}, 'features');
  const input = makeValueInfo('image', DATA_TYPE.float32, ['batch', 2]);
  const network = graph.model([input], [makeValueInfo('features', DATA_TYPE.float32, ['batch', 2])], 17);
  const corners: [number, number, number][] = [
    [1, 0, 0],
    [0, 1, 1],
    [-1, -1, 2],
  ];
  const samples = corners.map(([x, y, expected]) => ({
    inputs: { image: float32(Float32Array.of(x, y), [1, 2]) },
    expected: [expected],
  }));
  const { weight, bias } = await fitHead(network, samples, 3);
  for (const [x, y, expected] of corners) {
    const scores = [...bias].map((each, i) => each + 2 * (x * weight[2 * i]! + y * weight[2 * i + 1]!));
    t.is(scores.indexOf(Math.max(...scores)), expected);
  }
});

test('a build is measured against its original in a process of its own', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-measure-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const file = (name: string): string => join(dir, name);
  await writeFile(file('original.onnx'), makeTransformer(SMALL));
  await writeFile(file('build.onnx'), makeTransformer({ ...SMALL, seed: 7 }));
  const samples = sentences(5, 3, SEQUENCE, SMALL.vocabulary);
  await writeFile(file('held-out.cbor'), encodeSamples({ samples }));
  const task = {
    original: file('original.onnx'),
    heldOut: file('held-out.cbor'),
    metric: { kind: 'cosine' as const, output: 'last_hidden_state' },
    timingMs: 20,
  };
  const same = await measure({ ...task, build: task.original });
  t.is(same.samples, 3);
  t.deepEqual(same.accuracy, { original: 1, build: 1 });
  t.true((same.timing?.rounds ?? 0) > 0);
  const other = await measure({ ...task, build: file('build.onnx'), timingMs: 0 });
  t.true(other.accuracy.build < 0.9);
  t.is(other.timing, undefined);
  await t.throwsAsync(measure({ ...task, build: file('missing.onnx') }), { message: /missing\.onnx/ });
});

test('the cache is filled once, and not by half', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-cache-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  process.env.FLOORMESH_BENCH_CACHE = dir;
  const { cached } = await import('../../benchmarks/rebuild/cache.ts');
  const fill = async (folder: string): Promise<void> => writeFile(join(folder, 'file'), 'first');
  await t.throwsAsync(
    cached('thing', async (folder) => {
      await fill(folder);
      throw new TypeError('cut off');
    }),
    { message: 'cut off' },
  );
  t.deepEqual(await readdir(dir), []);
  const folder = await cached('thing', fill);
  t.is(await cached('thing', () => t.fail()), folder);
  t.is(await readFile(join(folder, 'file'), 'utf8'), 'first');
  t.true(existsSync(join(dir, 'thing')));
});
