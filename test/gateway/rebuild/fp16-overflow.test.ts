import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { float32, scoreSample, type Tensors } from '../../../core/index.ts';
import {
  DATA_TYPE,
  decodeModel,
  float32Tensor,
  makeGraph,
  makeNode,
  makeValueInfo,
} from '../../../gateway/rebuild/onnx/index.ts';
import { staysFinite } from '../../../gateway/rebuild/recipes/fp16/check.ts';
import { type BuiltModel, modelFile, RECIPE_TABLE } from '../../../gateway/rebuild/recipes/index.ts';
import { loadNative, runOnce } from '../../helpers/loaded-runtimes.ts';
import { GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { cardOf } from '../../helpers/recipe-bench.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const runtime = await loadNative();
const WIDTH = 32;
const inputs = (seed: number): Tensors => ({ x: noiseTensor([4, WIDTH], seed) });

async function build(
  t: ExecutionContext,
  model: Uint8Array,
  calibration: Tensors[] = [],
  given = inputs(0),
): Promise<BuiltModel & { model: Uint8Array }> {
  const path = join(await temporaryFolder(t), 'model.onnx');
  await writeFile(path, model);
  const built = await RECIPE_TABLE.fp16.build({
    source: modelFile(path),
    card: cardOf({ inputs: given, outputs: await runOnce(runtime, model, given) }),
    calibration:
      calibration.length === 0 ? undefined : { samples: calibration.map((each) => ({ inputs: each })) },
    runtime,
    options: {},
    signal: AbortSignal.timeout(60_000),
  });
  return built as BuiltModel & { model: Uint8Array };
}

async function likeness(built: Uint8Array, source: Uint8Array): Promise<number> {
  const [got, wanted] = [await runOnce(runtime, built, inputs(9)), await runOnce(runtime, source, inputs(9))];
  const cosine = scoreSample({ kind: 'cosine', output: 'y' }, got, { inputs: {} }, wanted);
  return Number.isNaN(cosine) ? 0 : cosine;
}

/** Two products with a factor between them that is taken back after a step in which nothing can be merged. */
function scaled(factor: number): Uint8Array {
  const writer = new GraphWriter();
  const weights = (seed: number): string => writer.floats(noise(WIDTH * WIDTH, seed), [WIDTH, WIDTH]);
  const number = (value: number): string => writer.floats([value], []);
  const first = writer.node('MatMul', ['x', weights(1)]);
  const moved = writer.node('Relu', [writer.node('Mul', [first, number(factor)])]);
  const back = writer.node('Mul', [moved, number(1 / factor)]);
  writer.node('MatMul', [back, weights(2)], {}, 'y');
  return writer.model(13, { x: ['n', WIDTH] }, { y: ['n', WIDTH] });
}

/**
 * The operators that compute in float16. What they give does not tell: the runtime computes with more where a CPU has
 * no such kernel.
 */
function computing(model: Uint8Array): string[] {
  const { node } = decodeModel(model).graph;
  const halved = node.filter(({ opType, output }) => opType !== 'Cast' && output[0]?.endsWith('_half'));
  return halved.map(({ opType }) => opType);
}

test('values that calibration data shows beyond float16, or too small for it, stay in fp32', async (t) => {
  for (const factor of [3e4, 1e-9]) {
    const source = scaled(factor);
    t.true(computing((await build(t, source)).model).includes('Relu'), `blind, ${factor}`);
    const { model, notes } = await build(t, source, [1, 2].map(inputs));
    t.deepEqual(computing(model), ['MatMul', 'MatMul'], `seeing, ${factor}`);
    t.true((await likeness(model, source)) > 0.9999);
    t.true(
      notes.some((note) => note.includes('stay in fp32, since 2 samples')),
      notes.join('; '),
    );
    t.true(model.length < source.length * 0.75);
  }
});

test('values well within float16 are float16', async (t) => {
  const source = scaled(3);
  const { model } = await build(t, source, [1, 2].map(inputs));
  t.deepEqual(computing(model), ['MatMul', 'Mul', 'Relu', 'Mul', 'MatMul']);
  t.true((await likeness(model, source)) > 0.9999);
});

test('without data, products of two activations stay in fp32 unless one is bounded', async (t) => {
  const writer = new GraphWriter();
  const product = writer.node('MatMul', ['x', writer.floats(noise(WIDTH * WIDTH, 1), [WIDTH, WIDTH])]);
  const square = writer.node('Mul', [product, product]);
  const gated = writer.node('Mul', [product, writer.node('Sigmoid', [product])]);
  writer.node('Sub', [square, gated], {}, 'y');
  const source = writer.model(13, { x: ['n', WIDTH] }, { y: ['n', WIDTH] });
  const computed = async (calibration: Tensors[]): Promise<string[]> =>
    computing((await build(t, source, calibration)).model);
  t.deepEqual((await computed([])).filter((each) => each === 'Mul').length, 1);
  t.deepEqual((await computed([inputs(1)])).filter((each) => each === 'Mul').length, 2);
});

test('one product with weights beyond float16 does not keep the others from it', async (t) => {
  const writer = new GraphWriter();
  const large = noise(WIDTH * WIDTH, 1).map((value, i) => (i === 5 ? 1e6 : value * 1e-3));
  const first = writer.node('MatMul', ['x', writer.floats(large, [WIDTH, WIDTH])]);
  const bounded = writer.node('Tanh', [first]);
  writer.node('MatMul', [bounded, writer.floats(noise(WIDTH * WIDTH, 2), [WIDTH, WIDTH])], {}, 'y');
  const source = writer.model(13, { x: ['n', WIDTH] }, { y: ['n', WIDTH] });
  const { model, notes } = await build(t, source);
  t.true(notes.includes('MatMul node MatMul_0 stays in fp32: its weights are beyond float16'));
  t.deepEqual(
    computing(model).filter((each) => each === 'MatMul'),
    ['MatMul'],
  );
  t.true((await likeness(model, source)) > 0.9999);
});

test('weights that stand in branches only are left to the recipes that store them small', async (t) => {
  const output = [makeValueInfo('inner', DATA_TYPE.float32)];
  const branch = (seed: number): { graph: ReturnType<typeof makeGraph> } => ({
    graph: makeGraph({
      name: `branch${seed}`,
      node: [makeNode({ opType: 'MatMul', name: 'product', input: ['x', 'W'], output: ['inner'] })],
      initializer: [float32Tensor('W', noise(WIDTH * WIDTH, seed), [WIDTH, WIDTH])],
      output,
    }),
  });
  const writer = new GraphWriter();
  writer.node('If', ['c'], { then_branch: branch(1), else_branch: branch(2) }, 'y');
  const source = writer.model(13, { x: [4, WIDTH], c: [1] }, { y: [4, WIDTH] }, { c: DATA_TYPE.bool });
  const given: Tensors = { ...inputs(1), c: { type: 'bool', dims: [1], data: Uint8Array.of(1) } };
  await t.throwsAsync(build(t, source, [given], given), {
    code: 'ERR_RECIPE_NOT_APPLICABLE',
    message: /outside of branches/,
  });
});

test('results that are no numbers are found, unless the original gives them too', async (t) => {
  const divided = (by: number): Uint8Array => {
    const writer = new GraphWriter();
    writer.node('Div', ['x', writer.floats([by], [])], {}, 'y');
    return writer.model(13, { x: ['n'] }, { y: ['n'] });
  };
  const samples = [{ inputs: { x: float32(Float32Array.of(1, 2), [2]) } }];
  const context = { runtime, signal: AbortSignal.timeout(60_000) };
  t.true(await staysFinite(divided(1), divided(2), samples, context));
  t.false(await staysFinite(divided(1), divided(0), samples, context));
  t.true(await staysFinite(divided(0), divided(0), samples, context));
});
