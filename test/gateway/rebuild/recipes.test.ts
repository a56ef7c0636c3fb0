import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import * as web from 'onnxruntime-web';
import {
  ctcClasses,
  decodeSamples,
  float32,
  type Metric,
  type ModelCard,
  type RecipeName,
  type RuntimeHandle,
  type Sample,
  scoreSample,
  type Tensors,
} from '../../../core/index.ts';
import { writeModels } from '../../../apps/make/index.ts';
import {
  DATA_TYPE,
  decodeModel,
  encodeModel,
  makeGraph,
  makeNode,
  makeValueInfo,
} from '../../../gateway/rebuild/onnx/index.ts';
import { RECIPE_TABLE } from '../../../gateway/rebuild/recipes/index.ts';
import type { ModelSource, RecipeContext } from '../../../gateway/rebuild/recipes/index.ts';
import { GraphWriter, noise, noiseTensor, transformer } from '../../helpers/onnx-graphs.ts';
import { localRuntime } from '../../helpers/onnxruntime.ts';
import { card, ocrModel, textLines, textPages } from '../../helpers/rebuild-samples.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const READ: Metric = { kind: 'ctc-exact', output: 'softmax_11.tmp_0', blank: 0 };
const NOT_APPLICABLE = { code: 'ERR_RECIPE_NOT_APPLICABLE' };

function contextOf(source: Uint8Array, fields: Partial<RecipeContext> = {}): RecipeContext {
  return {
    source: inMemory(source),
    card: card({}),
    calibration: undefined,
    runtime: localRuntime,
    options: {},
    signal: AbortSignal.timeout(300_000),
    ...fields,
  };
}

/** A source without a file. Recipes that stream are tested with files. */
function inMemory(bytes: Uint8Array): ModelSource {
  return { path: '', size: async () => bytes.byteLength, bytes: async () => bytes };
}

async function build(
  recipe: RecipeName,
  source: Uint8Array,
  fields: Partial<RecipeContext> = {},
): Promise<Uint8Array> {
  const { model } = await RECIPE_TABLE[recipe].build(contextOf(source, fields));
  if (!(model instanceof Uint8Array)) throw new TypeError(`${recipe} gave a model to be streamed`);
  return model;
}

async function run(model: Uint8Array, inputs: readonly Tensors[]): Promise<Tensors[]> {
  const session = await localRuntime.open(model);
  try {
    const results = [];
    for (const each of inputs) results.push(await session.run(each));
    return results;
  } finally {
    await session.close();
  }
}

/** Mean score of a rebuilt model against its original. */
async function score(metric: Metric, rebuilt: Uint8Array, original: Uint8Array, samples: readonly Sample[]) {
  const inputs = samples.map((sample) => sample.inputs);
  const [got, reference] = [await run(rebuilt, inputs), await run(original, inputs)];
  const scores = got.map((outputs, i) => scoreSample(metric, outputs, { inputs: {} }, reference[i]!));
  return scores.reduce((sum, each) => sum + each, 0) / scores.length;
}

async function runInWeb(model: Uint8Array, feeds: Record<string, web.Tensor>): Promise<Tensors> {
  web.env.wasm.numThreads = 1;
  const session = await web.InferenceSession.create(model);
  const outputs = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, data }]) => [name, float32(data as Float32Array, [...dims])]),
  );
}

function countOf(model: Uint8Array, opType: string): number {
  return decodeModel(model).graph.node.filter((node) => node.opType === opType).length;
}

const tokens = (seed: number): Tensors => ({
  ids: {
    type: 'int64',
    dims: [1, 32],
    data: BigInt64Array.from({ length: 32 }, (_, i) => BigInt((i * 37 + seed) % 1000)),
  },
});
const tokenCard = (): ModelCard => card({ inputs: [{ name: 'ids', type: 'int64', shape: [1, 'n'] }] });
const tokenSamples: Sample[] = [1, 2, 3, 4].map((seed) => ({ inputs: tokens(seed) }));
const COSINE: Metric = { kind: 'cosine', output: 'y' };

test('original is the very bytes that were signed', async (t) => {
  const source = ocrModel('cls');
  t.is(await build('original', source), source);
});

test('optimize gives the same results in fewer nodes', async (t) => {
  const source = ocrModel('cls');
  const built = await build('optimize', source);
  t.true(decodeModel(built).graph.node.length < decodeModel(source).graph.node.length / 2);
  const output = decodeModel(source).graph.output[0]!.name;
  const samples = [{ inputs: { x: noiseTensor([1, 3, 48, 192], 2) } }];
  t.true((await score({ kind: 'cosine', output }, built, source, samples)) > 0.99999);
});

test('optimize does not apply where the runtime cannot save its graph', async (t) => {
  const runtime: RuntimeHandle = { name: 'onnxruntime-web', version: '1.30.0', open: localRuntime.open };
  await t.throwsAsync(build('optimize', ocrModel('cls'), { runtime }), NOT_APPLICABLE);
});

test('the recogniser in fp16 is half as large and reads the same', async (t) => {
  const source = ocrModel('rec');
  const built = await build('fp16', source);
  t.true(built.length < source.length * 0.52);
  t.is(await score(READ, built, source, await textLines(10)), 1);
  const { input, output } = decodeModel(built).graph;
  for (const { type } of [...input, ...output])
    t.is(type?.value.case === 'tensorType' ? type.value.value.elemType : 0, DATA_TYPE.float32);
});

test('static int8 makes the recogniser a quarter of its size and reads the same', async (t) => {
  const source = ocrModel('rec');
  const lines = await textLines(18);
  const calibration = { samples: lines.slice(10) };
  const built = await build('int8-static', source, { calibration, card: card({ metric: READ }) });
  t.true(built.length < source.length * 0.3);
  t.true((await score(READ, built, source, lines.slice(0, 10))) >= 0.9);
  const spelled = (await run(built, [lines[0]!.inputs])).map((outputs) =>
    ctcClasses(outputs[READ.output]!, 0),
  );
  t.is(spelled[0]?.length, 'LOT 2025-C4711'.length);
});

test('static int8 finds the lines that the detector finds', async (t) => {
  const source = ocrModel('det');
  const pages = await textPages(5, 320);
  const metric: Metric = { kind: 'iou', output: 'sigmoid_0.tmp_0', threshold: 0.3 };
  const options = { calibration: { samples: pages.slice(2) }, card: card({ metric, maxDrop: 0.2 }) };
  const built = await build('int8-static', source, options);
  t.true(built.length < source.length * 0.3);
  t.true((await score(metric, built, source, pages.slice(0, 2))) > 0.9);
});

test('static int8 leaves alone what does not stand it, named by the card or not', async (t) => {
  const dir = await temporaryFolder(t);
  const [written] = await writeModels(dir, { only: ['impulse'] });
  const read = (name: string): Uint8Array => readFileSync(join(written!.path, name));
  const source = read('model.onnx');
  const [calibration, validation] = [
    decodeSamples(read('calibration.cbor')),
    decodeSamples(read('validation.cbor')),
  ];
  const free = written!.card;
  const impulse = { ...free, rebuild: { ...free.rebuild, keepFloat: ['/mel/*'] } };
  const right = async (model: Uint8Array): Promise<number> => {
    const outputs = await run(
      model,
      validation.samples.map(({ inputs }) => inputs),
    );
    const scores = outputs.map((each, i) => scoreSample(impulse.metric, each, validation.samples[i]!, each));
    return scores.reduce((sum, each) => sum + each, 0) / scores.length;
  };
  const named = await build('int8-static', source, { card: impulse, calibration });
  t.true((await right(named)) > 0.96);
  t.true(decodeModel(named).graph.node.some(({ name, opType }) => name === '/mel/Conv' && opType === 'Conv'));
  const mel = decodeModel(named).graph.node.find(({ name }) => name === '/mel/Conv');
  t.deepEqual(mel?.input[0], '/mel/Unsqueeze_output_0');
  const found = await build('int8-static', source, { card: free, calibration });
  t.true((await right(found)) > 0.93);
  t.true(found.length < named.length);
});

test('weights use 7 bits where that is asked for', async (t) => {
  const writer = new GraphWriter();
  writer.node('MatMul', ['x', writer.floats(noise(64 * 32, 3), [64, 32])], {}, 'y');
  const source = writer.model(13, { x: ['n', 64] }, { y: ['n', 32] });
  const calibration = { samples: [1, 2].map((seed) => ({ inputs: { x: noiseTensor([4, 64], seed) } })) };
  for (const recipe of ['int8-static', 'int8-dynamic'] as const) {
    const largest = async (weightBits: 7 | 8): Promise<number> => {
      const built = decodeModel(await build(recipe, source, { calibration, options: { weightBits } }));
      const weights = built.graph.initializer.find(
        ({ dims, dataType }) => dims.length === 2 && dataType === DATA_TYPE.int8,
      );
      return new Int8Array(weights!.rawData).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    };
    t.is(await largest(7), 63);
    t.is(await largest(8), 127);
  }
});

test('dynamic int8 makes a transformer a third of its size and changes its results by little', async (t) => {
  const source = transformer();
  const built = await build('int8-dynamic', source, { card: tokenCard() });
  t.true(built.length < source.length * 0.3);
  t.true((await score(COSINE, built, source, tokenSamples)) > 0.999);
  t.is(countOf(built, 'MatMulInteger'), 12);
});

test('dynamic int8 keeps the factors and transposes of Gemm', async (t) => {
  const writer = new GraphWriter();
  const first = writer.node(
    'Gemm',
    ['x', writer.floats(noise(64 * 48, 3), [48, 64]), writer.floats(noise(48, 4), [48])],
    {
      alpha: { float: 0.5 },
      beta: { float: 2 },
      transB: 1,
    },
  );
  writer.node('Gemm', [first, writer.floats(noise(48 * 32, 5), [48, 32])], {}, 'y');
  const source = writer.model(13, { x: ['n', 64] }, { y: ['n', 32] });
  const samples = [1, 2, 3].map((seed) => ({ inputs: { x: noiseTensor([4, 64], seed) } }));
  for (const recipe of ['int8-dynamic', 'int8-static'] as const)
    t.true(
      (await score(COSINE, await build(recipe, source, { calibration: { samples } }), source, samples)) >
        0.999,
    );
});

test('each recipe gives what onnxruntime-web runs too', async (t) => {
  const source = transformer();
  const [reference] = await run(source, [tokens(9)]);
  const ids = new web.Tensor('int64', tokens(9).ids!.data as BigInt64Array, [1, 32]);
  for (const recipe of ['optimize', 'fp16', 'int8-dynamic', 'int8-static'] as const) {
    const built = await build(recipe, source, { card: tokenCard(), calibration: { samples: tokenSamples } });
    t.true(scoreSample(COSINE, await runInWeb(built, { ids }), { inputs: {} }, reference!) > 0.999, recipe);
  }
  const small = ocrModel('cls');
  const metric: Metric = { kind: 'cosine', output: decodeModel(small).graph.output[0]!.name };
  const picture = noiseTensor([1, 3, 48, 96], 1);
  const [expected] = await run(small, [{ x: picture }]);
  const x = new web.Tensor('float32', picture.data as Float32Array, picture.dims);
  const calibration = { samples: [{ inputs: { x: picture } }] };
  for (const recipe of ['fp16', 'int8-static'] as const) {
    const built = await build(recipe, small, { calibration, card: card({ metric }) });
    t.true(scoreSample(metric, await runInWeb(built, { x }), { inputs: {} }, expected!) > 0.99, recipe);
  }
});

test('every recipe gives the same bytes for the same inputs', async (t) => {
  const source = ocrModel('cls');
  const output = decodeModel(source).graph.output[0]!.name;
  const metric: Metric = { kind: 'cosine', output };
  const calibration = {
    samples: [1, 2].map((seed) => ({ inputs: { x: noiseTensor([1, 3, 48, 96], seed) } })),
  };
  for (const recipe of ['original', 'optimize', 'fp16', 'int8-static'] as const) {
    const options = { calibration, card: card({ metric }) };
    const [once, twice] = [await build(recipe, source, options), await build(recipe, source, options)];
    t.is(Buffer.compare(once, twice), 0, recipe);
  }
  const once = await build('int8-dynamic', transformer(), { card: tokenCard() });
  t.is(Buffer.compare(once, await build('int8-dynamic', transformer(), { card: tokenCard() })), 0);
});

test('what the card keeps in fp32 is not touched: an operator, a node, a beginning of names', async (t) => {
  const source = transformer();
  const kept = (keepFloat: string[]): ModelCard => ({ ...tokenCard(), rebuild: { allow: [], keepFloat } });
  const matrices = (model: Uint8Array): number =>
    decodeModel(model).graph.initializer.filter(
      ({ dims, dataType }) => dims.length === 2 && dataType === DATA_TYPE.float32,
    ).length;
  const names = decodeModel(source)
    .graph.node.filter(({ opType }) => opType === 'MatMul')
    .map(({ name }) => name);
  const [first = ''] = names;
  const build8 = async (keepFloat: string[]): Promise<number> =>
    matrices(await build('int8-dynamic', source, { card: kept(keepFloat) }));
  const none = await build8([]);
  t.is(await build8([first]), none + 1);
  t.true((await build8(['MatMul_1*'])) > none + 1);
  await t.throwsAsync(build8(['MatMul']), NOT_APPLICABLE);
  await t.throwsAsync(
    build('int8-static', source, { card: kept(['MatMul']), calibration: { samples: tokenSamples } }),
    NOT_APPLICABLE,
  );
  const half = await build('fp16', source, { card: kept([first]) });
  t.is(matrices(half), matrices(await build('fp16', source, { card: kept([]) })) + 1);
});

test('a recipe that has nothing to work on says so', async (t) => {
  const convolution = (): GraphWriter => {
    const writer = new GraphWriter();
    writer.node('Conv', ['x', writer.floats(noise(36, 1), [4, 1, 3, 3])], {}, 'y');
    return writer;
  };
  const shape = { x: [1, 1, 8, 8] };
  const source = convolution().model(13, shape, { y: [1, 4, 6, 6] });
  await t.throwsAsync(build('int8-static', source), { ...NOT_APPLICABLE, message: /calibration/ });
  await t.throwsAsync(build('int8-static', source, { calibration: { samples: [] } }), NOT_APPLICABLE);
  await t.throwsAsync(build('int8-dynamic', source), { ...NOT_APPLICABLE, message: /MatMul/ });
  const plain = new GraphWriter();
  plain.node('Relu', ['x'], {}, 'y');
  const relu = plain.model(13, { x: [4] }, { y: [4] });
  await t.throwsAsync(build('fp16', relu), NOT_APPLICABLE);
  const calibration = { samples: [{ inputs: { x: noiseTensor([4], 1) } }] };
  await t.throwsAsync(build('int8-static', relu, { calibration }), NOT_APPLICABLE);
});

test('weights that float16 cannot hold are an error, limits that it cannot hold are not', async (t) => {
  const model = (weight: number, limit: number): Uint8Array => {
    const writer = new GraphWriter();
    const product = writer.node('MatMul', ['x', writer.floats([weight, 1, 1, 1], [2, 2])]);
    writer.node('Clip', [product, writer.floats([-limit], []), writer.floats([limit], [])], {}, 'y');
    return writer.model(13, { x: [1, 2] }, { y: [1, 2] });
  };
  await t.throwsAsync(build('fp16', model(1e6, 1)), { ...NOT_APPLICABLE, message: /MatMul_0.*65504/ });
  const [outputs] = await run(await build('fp16', model(2, 3.4e38)), [
    { x: float32(Float32Array.of(1, 2), [1, 2]) },
  ]);
  t.deepEqual(outputs?.y?.data, Float32Array.of(4, 3));
});

test('fp16 keeps a constant that would vanish', async (t) => {
  const writer = new GraphWriter();
  const product = writer.node('MatMul', ['x', writer.floats([1, 0, 0, 1], [2, 2])]);
  const safe = writer.node('Add', [writer.node('Mul', [product, product]), writer.floats([1e-12], [])]);
  writer.node('Div', [safe, safe], {}, 'y');
  const source = writer.model(13, { x: [1, 2] }, { y: [1, 2] });
  const card32 = { ...card({}), rebuild: { allow: [], keepFloat: ['Div'] } };
  const [outputs] = await run(await build('fp16', source, { card: card32 }), [
    { x: float32(Float32Array.of(0, 2), [1, 2]) },
  ]);
  t.deepEqual(outputs?.y?.data, Float32Array.of(1, 1));
});

test('branches that read values around them go on working in every recipe', async (t) => {
  const source = branching();
  const samples = [1, 2].map((seed) => ({
    inputs: {
      x: noiseTensor([4, 64], seed),
      c: { type: 'bool' as const, dims: [1], data: Uint8Array.of(seed % 2) },
    },
  }));
  for (const recipe of ['optimize', 'fp16', 'int8-dynamic', 'int8-static'] as const) {
    const built = await build(recipe, source, {
      calibration: { samples },
      card: card({ inputs: [{ name: 'x', type: 'float32', shape: [4, 64] }] }),
    });
    t.true((await score(COSINE, built, source, samples)) > 0.999, recipe);
  }
});

test('a build stops when it is told to', async (t) => {
  const controller = new AbortController();
  controller.abort();
  const calibration = { samples: [{ inputs: { x: noiseTensor([1, 3, 48, 96], 1) } }] };
  for (const recipe of ['optimize', 'fp16', 'int8-dynamic', 'int8-static'] as const)
    await t.throwsAsync(build(recipe, ocrModel('cls'), { calibration, signal: controller.signal }), {
      name: 'AbortError',
    });
});

test('what is no model fails as such', async (t: ExecutionContext) => {
  const calibration = { samples: [{ inputs: {} }] };
  for (const recipe of ['fp16', 'int8-dynamic', 'int8-static'] as const)
    await t.throwsAsync(build(recipe, new Uint8Array(100), { calibration }), { code: 'ERR_MODEL_NOT_ONNX' });
});

/** A product, then a choice between itself and its negative inside two branches, then another product. */
function branching(): Uint8Array {
  const writer = new GraphWriter();
  const inner = writer.node('MatMul', ['x', writer.floats(noise(64 * 64, 3), [64, 64])]);
  const branch = (opType: string): { graph: ReturnType<typeof makeGraph> } => ({
    graph: makeGraph({
      name: opType,
      node: [makeNode({ opType, name: `${opType}_inside`, input: [inner], output: [`${opType}_out`] })],
      output: [makeValueInfo(`${opType}_out`, DATA_TYPE.float32, [4, 64])],
    }),
  });
  const chosen = writer.node('If', ['c'], { then_branch: branch('Identity'), else_branch: branch('Neg') });
  writer.node('MatMul', [chosen, writer.floats(noise(64 * 32, 4), [64, 32])], {}, 'y');
  const model = decodeModel(writer.model(13, { x: [4, 64], c: [1] }, { y: [4, 32] }, { c: DATA_TYPE.bool }));
  return encodeModel(model);
}
