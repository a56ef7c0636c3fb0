import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import * as ort from 'onnxruntime-node';
import { scoreSample, type Metric, type Tensors } from '../../../core/index.ts';
import {
  allGraphs,
  allTensors,
  DATA_TYPE,
  decodeModel,
  encodeModel,
  float32Tensor,
  isStandard,
  makeGraph,
  makeModel,
  makeNode,
  makeOutput,
  makeValueInfo,
  type ModelProto,
} from '../../../gateway/rebuild/onnx/index.ts';
import { RECIPE_TABLE, type RecipeContext } from '../../../gateway/rebuild/recipes/index.ts';
import { GraphWriter, noise, noiseTensor, transformer } from '../../helpers/onnx-graphs.ts';
import { localRuntime } from '../../helpers/onnxruntime.ts';
import { card, ocrModel, textLines } from '../../helpers/rebuild-samples.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

type Stored = 'fp16-weights' | 'int8-weights';
const RECIPES: Stored[] = ['fp16-weights', 'int8-weights'];
const READ: Metric = { kind: 'ctc-exact', output: 'softmax_11.tmp_0', blank: 0 };
const NOT_APPLICABLE = { code: 'ERR_RECIPE_NOT_APPLICABLE' };

for (const recipe of RECIPES) {
  test(`${recipe}: a text recogniser reads the same, from a file of a ${recipe === 'fp16-weights' ? 'half' : 'quarter'}`, async (t) => {
    const source = ocrModel('rec');
    const rebuilt = await build(recipe, source);
    t.true(rebuilt.length < source.length * (recipe === 'fp16-weights' ? 0.52 : 0.29));
    const samples = await textLines(8);
    const inputs = samples.map((sample) => sample.inputs);
    const [got, reference] = [await run(rebuilt, inputs), await run(source, inputs)];
    for (const [i, outputs] of got.entries())
      t.is(scoreSample(READ, outputs, { inputs: {} }, reference[i]!), 1);
    await assertFolded(t, rebuilt);
  });

  test(`${recipe}: a transformer with its embedding table stays close to what it was`, async (t) => {
    const source = transformer();
    const rebuilt = await build(recipe, source);
    t.true(rebuilt.length < source.length * (recipe === 'fp16-weights' ? 0.53 : 0.29));
    const ids = {
      type: 'int64' as const,
      dims: [1, 9],
      data: BigInt64Array.from([5n, 99n, 3n, 0n, 7n, 1n, 2n, 8n, 4n]),
    };
    const [[got], [expected]] = [await run(rebuilt, [{ ids }]), await run(source, [{ ids }])];
    t.true(cosine(got!.y!.data, expected!.y!.data) > 0.999);
    await assertFolded(t, rebuilt);
  });

  test(`${recipe}: weights inside branches, and those that a branch takes from around it, are stored smaller and folded`, async (t) => {
    const source = branching();
    const rebuilt = await build(recipe, source);
    t.true(rebuilt.length < source.length * (recipe === 'fp16-weights' ? 0.6 : 0.4));
    for (const yes of [1, 0]) {
      const inputs = {
        x: noiseTensor([2, 64], 5),
        c: { type: 'bool' as const, dims: [], data: Uint8Array.of(yes) },
      };
      const [[got], [expected]] = [await run(rebuilt, [inputs]), await run(source, [inputs])];
      t.true(cosine(got!.y!.data, expected!.y!.data) > 0.999);
    }
    await assertFolded(t, rebuilt);
  });

  test(`${recipe}: weights that two nodes share are stored once`, async (t) => {
    const graph = new GraphWriter();
    const weights = graph.floats(noise(64 * 64, 3), [64, 64]);
    graph.node('MatMul', [graph.node('MatMul', ['x', weights]), weights], {}, 'y');
    const model = decodeModel(await build(recipe, graph.model(13, { x: [1, 64] }, { y: [1, 64] })));
    const large = [...allTensors(model)].filter(({ tensor }) => tensor.rawData.byteLength > 4000);
    t.is(large.length, 1);
    t.is(large[0]!.tensor.dataType, recipe === 'fp16-weights' ? DATA_TYPE.float16 : DATA_TYPE.int8);
  });

  test(`${recipe}: what the card keeps in fp32 stays, also where a transposition stands between`, async (t) => {
    const graph = new GraphWriter();
    const turned = graph.node('Transpose', [graph.floats(noise(64 * 64, 3), [64, 64])], { perm: [1, 0] });
    graph.node(
      'Conv',
      [graph.node('MatMul', ['x', turned]), graph.floats(noise(1024, 4), [1, 1, 1024])],
      {},
      'y',
    );
    const source = graph.model(13, { x: [1, 1, 64] }, { y: [] });
    const model = decodeModel(await build(recipe, source, { card: kept(['MatMul']) }));
    t.true(
      model.graph.initializer.some(
        ({ dims, dataType }) => dims.length === 2 && dataType === DATA_TYPE.float32,
      ),
    );
    t.false(
      model.graph.initializer.some(
        ({ dims, dataType }) => dims.length === 3 && dataType === DATA_TYPE.float32,
      ),
    );
    await t.throwsAsync(build(recipe, source, { card: kept(['MatMul', 'Conv_2']) }), NOT_APPLICABLE);
  });

  test(`${recipe}: channels that are very small or very large keep their values, dead ones may go`, async (t) => {
    const peaks = [1e-7, 1e9, 1, 1e-42];
    const weights = noise(4 * 256, 9).map((value, i) => value * peaks[Math.floor(i / 256)]!);
    const graph = new GraphWriter();
    graph.node('Gemm', ['x', graph.floats(weights, [4, 256])], { transB: 1 }, 'y');
    const source = graph.model(13, { x: [1, 256] }, { y: [1, 4] });
    const inputs = { x: noiseTensor([1, 256], 2) };
    const [[got], [expected]] = [
      await run(await build(recipe, source), [inputs]),
      await run(source, [inputs]),
    ];
    for (let channel = 0; channel < 4; channel += 1) {
      const [a, b] = [Number(got!.y!.data[channel]), Number(expected!.y!.data[channel])];
      t.true(Math.abs(a - b) <= 0.02 * Math.abs(b) + 1e-30, `channel ${channel}: ${a} for ${b}`);
    }
  });

  test(`${recipe}: constants that count one by one stay in fp32 when float16 does not hold them`, async (t) => {
    const table = Float32Array.from({ length: 1024 }, (_, i) => 10 ** (-i / 64));
    const graph = new GraphWriter();
    graph.node('Mul', ['x', graph.floats(table, [1024])], {}, 'y');
    await t.throwsAsync(build(recipe, graph.model(13, { x: [1024] }, { y: [1024] })), NOT_APPLICABLE);
    const infinite = new GraphWriter();
    const weights = noise(1024, 1);
    weights[7] = Number.NEGATIVE_INFINITY;
    infinite.node('Add', ['x', infinite.floats(weights, [1024])], {}, 'y');
    const source = infinite.model(13, { x: [1024] }, { y: [1024] });
    const [result] = await run(await build(recipe, source), [{ x: noiseTensor([1024], 4) }]);
    t.is(result!.y!.data[7], Number.NEGATIVE_INFINITY);
  });

  test(`${recipe}: a model without large weights, or whose weights its caller may give, is left alone`, async (t) => {
    const small = new GraphWriter();
    small.node('MatMul', ['x', small.floats(noise(16, 1), [4, 4])], {}, 'y');
    await t.throwsAsync(build(recipe, small.model(13, { x: [1, 4] }, { y: [1, 4] })), NOT_APPLICABLE);
    const given = new GraphWriter();
    const name = given.floats(noise(4096, 1), [64, 64]);
    given.node('MatMul', ['x', name], {}, 'y');
    const inputs = [{ name, type: 'float32', shape: [64, 64] }];
    const source = given.model(13, { x: [1, 64], [name]: [64, 64] }, { y: [1, 64] });
    await t.throwsAsync(build(recipe, source, { card: card({ inputs }) }), NOT_APPLICABLE);
    t.truthy(await build(recipe, source));
  });

  test(`${recipe}: the same model gives the same bytes`, async (t) => {
    const source = ocrModel('cls');
    t.deepEqual(await build(recipe, source), await build(recipe, source));
  });
}

test('int8-weights takes blocks along the axis that is summed over, for every kind of weights', async (t) => {
  // One large value on that axis would spoil a whole channel with a single scale.
  const spiked = (count: number, step: number): Float32Array =>
    noise(count, 6).map((value, i) => (i % step === 0 ? value * 25 : value));
  const cases: [string, string, number[], Record<string, number>, number[]][] = [
    ['MatMul', 'x', [256, 8], {}, [1, 256]],
    ['Gemm', 'x', [8, 256], { transB: 1 }, [1, 256]],
    ['Conv', 'x', [8, 256, 1], {}, [1, 256, 3]],
    ['ConvTranspose', 'x', [256, 8, 1], {}, [1, 256, 3]],
  ];
  for (const [operator, input, dims, attributes, shape] of cases) {
    const graph = new GraphWriter();
    const weights = graph.floats(spiked(2048, 251), dims);
    graph.node(operator, [input, weights], attributes, 'y');
    const source = graph.model(13, { x: shape }, { y: [] });
    const model = decodeModel(source);
    model.graph.output.forEach((output) => (output.type = undefined));
    const plain = encodeModel(model);
    const rebuilt = await build('int8-weights', plain);
    const stored = decodeModel(rebuilt).graph.initializer.find(({ dataType }) => dataType === DATA_TYPE.int8);
    t.is(stored?.dims.length, 4, `${operator} has blocks`);
    const inputs = { x: noiseTensor(shape, 3) };
    const [[got], [expected]] = [await run(rebuilt, [inputs]), await run(plain, [inputs])];
    t.true(cosine(got!.y!.data, expected!.y!.data) > 0.9995, operator);
  }
});

/** An If whose branches have weights as Constant nodes and initializers, and share one from around them. */
function branching(): Uint8Array {
  const weights = (name: string, seed: number) => float32Tensor(name, noise(64 * 64, seed), [64, 64]);
  const product = (input: string[], output: string) =>
    makeNode({ opType: 'MatMul', name: output, input, output: [output] });
  const value = weights('', 3);
  const constant = makeNode({
    opType: 'Constant',
    name: 'k',
    input: [],
    output: ['own'],
    attributes: { value },
  });
  const branches = {
    then_branch: makeGraph({
      name: 'then',
      node: [constant, product(['h', 'own'], 'a'), product(['a', 'around'], 'b')],
      output: [makeOutput('b')],
    }),
    else_branch: makeGraph({
      name: 'else',
      initializer: [weights('inside', 5)],
      node: [product(['h', 'inside'], 'd'), product(['d', 'around'], 'e')],
      output: [makeOutput('e')],
    }),
  };
  const attributes = {
    then_branch: { graph: branches.then_branch },
    else_branch: { graph: branches.else_branch },
  };
  const graph = makeGraph({
    name: 'g',
    initializer: [weights('first', 7), weights('around', 8)],
    node: [
      product(['x', 'first'], 'h'),
      makeNode({ opType: 'If', name: 'if', input: ['c'], output: ['y'], attributes }),
    ],
    input: [makeValueInfo('x', DATA_TYPE.float32, [2, 64]), makeValueInfo('c', DATA_TYPE.bool, [])],
    output: [makeValueInfo('y', DATA_TYPE.float32, [2, 64])],
  });
  return encodeModel(makeModel(graph, { '': 13 }));
}

function kept(keepFloat: string[]) {
  return card({ rebuild: { keepFloat } });
}

async function build(
  recipe: Stored,
  source: Uint8Array,
  fields: Partial<RecipeContext> = {},
): Promise<Uint8Array> {
  const { model } = await RECIPE_TABLE[recipe].build({
    source: { path: '', size: async () => source.byteLength, bytes: async () => source },
    card: card({}),
    calibration: undefined,
    runtime: localRuntime,
    options: {},
    signal: AbortSignal.timeout(60_000),
    ...fields,
  });
  if (!(model instanceof Uint8Array)) throw new TypeError('a small model is not streamed');
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

/** A session at the level that nodes use keeps nothing of the stored form: it computes as the original does. */
async function assertFolded(t: ExecutionContext, model: Uint8Array): Promise<void> {
  const path = join(await temporaryFolder(t), 'optimised.onnx');
  const options = { optimizedModelFilePath: path, logSeverityLevel: 3 as const };
  const session = await ort.InferenceSession.create(model, { ...options, graphOptimizationLevel: 'all' });
  await session.release();
  t.deepEqual(castsOfConstants(decodeModel(await readFile(path))), []);
  t.not(castsOfConstants(decodeModel(model)).length, 0);
}

function castsOfConstants({ graph }: ModelProto): string[] {
  const graphs = [...allGraphs(graph)];
  const constants = new Set(graphs.flatMap(({ initializer }) => initializer.map(({ name }) => name)));
  return graphs.flatMap(({ node }) =>
    node
      .filter((each) => isStandard(each, 'Cast') && constants.has(each.input[0] ?? ''))
      .map(({ output }) => output[0]!),
  );
}

function cosine(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  let [both, left, right] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    both += x * y;
    left += x * x;
    right += y * y;
  }
  return both / Math.sqrt(left * right);
}
