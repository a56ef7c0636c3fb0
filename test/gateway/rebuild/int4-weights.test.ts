import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Tensors } from '../../../core/index.ts';
import { decodeModel, DATA_TYPE } from '../../../gateway/rebuild/onnx/index.ts';
import { BLOCK, quantizeRows } from '../../../gateway/rebuild/recipes/blockwise/levels.ts';
import { type BuiltModel, modelFile, RECIPE_TABLE } from '../../../gateway/rebuild/recipes/index.ts';
import { likeness, loadNative, loadWeb, runOnce } from '../../helpers/loaded-runtimes.ts';
import { GraphWriter, noise } from '../../helpers/onnx-graphs.ts';
import { cardOf } from '../../helpers/recipe-bench.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const runtime = await loadNative();
const web = await loadWeb();
/** Of a word: 200 does not end with a whole block. */
const [WORDS, WIDTH, INNER] = [1800, 512, 200];

const ids = (seed: number): Tensors => ({
  ids: {
    type: 'int64',
    dims: [8],
    data: BigInt64Array.from({ length: 8 }, (_, i) => BigInt((i * 371 + seed) % WORDS)),
  },
});

/** A table of 1800 words, and three products: one with a bias that is doubled and weights turned over and halved. */
function words([count, width, inner] = [WORDS, WIDTH, INNER]): Uint8Array {
  const writer = new GraphWriter();
  const weights = (seed: number, rows: number, columns: number): string =>
    writer.floats(
      noise(rows * columns, seed).map((value) => value / Math.sqrt(rows)),
      [rows, columns],
    );
  const word = writer.node('Gather', [weights(1, count, width), 'ids']);
  const first = writer.node('Relu', [writer.node('MatMul', [word, weights(2, width, inner)])]);
  const gemm = { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } };
  const bias = writer.floats(noise(width, 4), [width]);
  const second = writer.node('Gemm', [first, weights(3, width, inner), bias], gemm);
  writer.node('MatMul', [second, weights(5, width, width)], {}, 'y');
  return writer.model(13, { ids: [8] }, { y: [8, width] }, { ids: DATA_TYPE.int64 });
}

interface Options {
  calibration?: Tensors[];
  keepFloat?: string[];
  maxDrop?: number;
}

async function build(
  t: ExecutionContext,
  model: Uint8Array,
  { calibration = [], keepFloat = [], maxDrop }: Options = {},
): Promise<BuiltModel & { model: Uint8Array }> {
  const path = join(await temporaryFolder(t), 'model.onnx');
  await writeFile(path, model);
  const outputs = await runOnce(runtime, model, ids(0));
  const built = await RECIPE_TABLE['int4-weights'].build({
    source: modelFile(path),
    card: cardOf({ inputs: ids(0), outputs }, keepFloat),
    calibration:
      calibration.length === 0 ? undefined : { samples: calibration.map((inputs) => ({ inputs })) },
    runtime,
    options: maxDrop === undefined ? {} : { maxDrop },
    signal: AbortSignal.timeout(60_000),
  });
  return built as BuiltModel & { model: Uint8Array };
}

test('weights in 4 bits take a sixth of the bytes and give nearly the same, in WebAssembly too', async (t) => {
  const source = words();
  const { model } = await build(t, source);
  t.true(model.length < source.length * 0.165);
  const [wanted, got] = [await runOnce(runtime, source, ids(3)), await runOnce(runtime, model, ids(3))];
  t.true(likeness(got, wanted) > 0.985);
  t.true(likeness(await runOnce(web, model, ids(3)), wanted) > 0.985);
  const operators = decodeModel(model).graph.node.map(({ opType }) => opType);
  t.is(operators.filter((each) => each === 'MatMulNBits').length, 3);
  t.is(operators.filter((each) => each === 'GatherBlockQuantized').length, 1);
});

test('what loses too much in 4 bits has 8, where calibration data shows it', async (t) => {
  const source = words();
  const calibration = [1, 2, 3].map(ids);
  const { model, notes } = await build(t, source, { calibration, maxDrop: 0.0008 });
  const bits = decodeModel(model).graph.node.flatMap(({ attribute }) =>
    attribute.filter(({ name }) => name === 'bits').map(({ i }) => Number(i)),
  );
  t.true(bits.includes(4) && bits.includes(8), bits.join());
  t.true(notes.some((note) => note.startsWith('left in 8 bits: ')));
  t.true(likeness(await runOnce(runtime, model, ids(9)), await runOnce(runtime, source, ids(9))) > 0.998);
  const again = await build(t, source, { calibration, maxDrop: 0.0008 });
  t.is(Buffer.compare(model, again.model), 0);
});

test('what the card keeps in fp32 keeps its weights', async (t) => {
  const { model } = await build(t, words(), { keepFloat: ['Gemm'] });
  const { node, initializer } = decodeModel(model).graph;
  const gemm = node.find(({ opType }) => opType === 'Gemm');
  const weights = initializer.find(({ name }) => name === gemm?.input[1]);
  t.is(weights?.dataType, DATA_TYPE.float32);
});

test('models without much weight are left alone', async (t) => {
  await t.throwsAsync(build(t, words([WORDS, 64, 200])), {
    code: 'ERR_RECIPE_NOT_APPLICABLE',
    message: /MiB/,
  });
});

/** The values that levels stand for, and the mean squared error. */
function restored(values: Float32Array, rows: number, bits: 4 | 8): { back: Float32Array; error: number } {
  const length = values.length / rows;
  const { bytes, scales } = quantizeRows(values, rows, length, bits);
  const blocks = Math.ceil(length / BLOCK);
  const back = values.map((_, i) => {
    const at = Math.floor(i / length) * blocks * BLOCK + (i % length);
    const byte = bytes[bits === 8 ? at : at >> 1]!;
    const level = bits === 8 ? byte : at % 2 === 0 ? byte & 15 : byte >> 4;
    return (level - 2 ** (bits - 1)) * scales[Math.floor(at / BLOCK)]!;
  });
  return { back, error: values.reduce((sum, value, i) => sum + (value - back[i]!) ** 2, 0) / values.length };
}

test('blocks keep what is on their levels, in either direction, and zeros', (t) => {
  const levels = Float32Array.from({ length: 3 * 40 }, (_, i) => ((i * 5) % 16) - 8);
  t.true(restored(levels, 3, 4).error < 1e-12);
  t.true(
    restored(
      levels.map((level) => level * -0.25),
      3,
      4,
    ).error < 1e-12,
  );
  t.deepEqual(restored(new Float32Array(64), 2, 4).back, new Float32Array(64));
});

test('the error of a block is less than with steps by its largest weight', (t) => {
  const values = noise(64 * 256, 7).map((value, i) => value ** 3 * (i % 32 === 5 ? 2 : 1));
  let plain = 0;
  for (let start = 0; start < values.length; start += BLOCK) {
    const block = values.subarray(start, start + BLOCK);
    const step = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 7;
    for (const value of block) plain += (value - Math.round(value / step) * step) ** 2 / values.length;
  }
  t.true(restored(values, 64, 4).error < plain * 0.8);
  t.true(restored(values, 64, 8).error < plain / 100);
});
