import test from 'ava';
import { float32, type RecipeName, type Tensor, type Tensors } from '../../../core/index.ts';
import { allNodes, DATA_TYPE, decodeModel } from '../../../gateway/rebuild/onnx/index.ts';
import { likeness, loadNative, loadWeb, runOnce } from '../../helpers/loaded-runtimes.ts';
import { fusedEncoder, GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { buildFile } from '../../helpers/recipe-bench.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const runtime = await loadNative();
/** One thread for all: tests that run on it come one after the other. */
const web = await loadWeb();

const operators = (model: Uint8Array): string[] =>
  [...allNodes(decodeModel(model).graph)].map(({ opType }) => opType);

const ints = (dims: number[], data: number[]): Tensor => ({
  type: 'int32',
  dims,
  data: Int32Array.from(data),
});

/** Two sentences of 24 words, the second padded. */
function sentences(): Tensors {
  const [batch, length] = [2, 24];
  const count = batch * length;
  return {
    ids: ints(
      [batch, length],
      Array.from({ length: count }, (_, i) => (i * 37) % 1000),
    ),
    mask: ints(
      [batch, length],
      Array.from({ length: count }, (_, i) => Number(i < count - 9)),
    ),
  };
}

/** Recipes, the share of the original's size that they may come to, and how near they must stay. */
const RECIPES: [recipe: RecipeName, size: number, near: number][] = [
  ['optimize', 1.05, 0.999_99],
  ['fp16', 0.55, 0.999_9],
  ['fp16-weights', 0.52, 0.999_9],
  ['int8-weights', 0.3, 0.999],
  ['int8-dynamic', 0.3, 0.999],
  ['int8-static', 0.6, 0.995],
  ['int4-weights', 0.25, 0.98],
];

for (const [recipe, size, near] of RECIPES)
  test.serial(`a model that came fused is rebuilt: ${recipe}`, async (t) => {
    const folder = await temporaryFolder(t);
    // Four bits are for large tables.
    const model = fusedEncoder(recipe === 'int4-weights' ? 10_000 : 1000);
    const inputs = sentences();
    const outputs = await runOnce(runtime, model, inputs);
    const built = await buildFile(recipe, { model, inputs, outputs }, { runtime, folder });
    t.true(built.length < size * model.length, `${built.length / model.length}`);
    t.true(likeness(await runOnce(runtime, built, inputs), outputs) > near);
    if (recipe === 'int8-dynamic') {
      const found = operators(built);
      t.false(found.some((name) => ['Attention', 'SkipLayerNormalization', 'MatMul'].includes(name)));
      t.is(found.filter((name) => name === 'MatMulInteger').length, 12);
      t.true(likeness(await runOnce(web, built, inputs), outputs) > near);
    }
  });

const [BATCH, LENGTH, WIDTH, HEADS] = [2, 6, 32, 4];

interface AttentionCase {
  /** Names of the inputs from the mask on. */
  rest?: string[];
  attributes?: Record<string, number | { float: number }>;
  shapes?: Record<string, (number | string)[]>;
  given?: Tensors;
  present?: boolean;
  /** What becomes of it. */
  becomes: 'QAttention' | 'Attention' | 'MultiHeadAttention';
}

const PAST: Pick<AttentionCase, 'shapes' | 'given'> = {
  shapes: { past: [2, 'batch', HEADS, 'before', WIDTH / HEADS] },
  given: { past: noiseTensor([2, BATCH, HEADS, 3, WIDTH / HEADS], 8) },
};

const CASES: Record<string, AttentionCase> = {
  plain: { becomes: 'MultiHeadAttention' },
  'with beginnings and ends of sequences': {
    rest: ['mask'],
    shapes: { mask: ['twice'] },
    given: { mask: ints([2 * BATCH], [6, 5, 0, 2]) },
    becomes: 'QAttention',
  },
  'with a mask in name only': {
    rest: ['mask'],
    shapes: { mask: [1, 1] },
    given: { mask: ints([1, 1], [1]) },
    becomes: 'QAttention',
  },
  'with a state, looking back only, with a mask of keys and a value for what is masked': {
    rest: ['mask', 'past'],
    attributes: { unidirectional: 1, mask_filter_value: { float: -2 } },
    shapes: { ...PAST.shapes, mask: ['batch', 'all'] },
    given: {
      ...PAST.given,
      mask: ints(
        [BATCH, 9],
        Array.from({ length: BATCH * 9 }, (_, i) => Number(i % 5 !== 1)),
      ),
    },
    present: true,
    becomes: 'QAttention',
  },
  'with a state and a scale that QAttention has not': {
    rest: ['', 'past'],
    attributes: { scale: { float: 0.3 } },
    ...PAST,
    present: true,
    becomes: 'Attention',
  },
};

for (const [name, { rest = [], attributes, shapes, given, present, becomes }] of Object.entries(CASES))
  test.serial(`fused attention in 8 bits, ${name}: ${becomes}`, async (t) => {
    const folder = await temporaryFolder(t);
    const graph = new GraphWriter();
    const weights = graph.floats(
      noise(WIDTH * 3 * WIDTH, 2).map((value) => value * 0.4),
      [WIDTH, 3 * WIDTH],
    );
    const shift = graph.floats(noise(3 * WIDTH, 3), [3 * WIDTH]);
    const outputs = present === true ? ['a', 'present'] : ['a'];
    graph.own('Attention', ['x', weights, shift, ...rest], { num_heads: HEADS, ...attributes }, outputs);
    // Something else to compute in 8 bits, where attention itself is not.
    graph.node('MatMul', ['a', graph.floats(noise(WIDTH * WIDTH, 5), [WIDTH, WIDTH])], {}, 'y');
    const model = graph.model(
      14,
      { x: ['batch', 'length', WIDTH], ...shapes },
      {
        y: ['batch', 'length', WIDTH],
        ...(present === true ? { present: [2, 'batch', HEADS, 'all', WIDTH / HEADS] } : {}),
      },
      { mask: DATA_TYPE.int32 },
    );
    const inputs = { x: noiseTensor([BATCH, LENGTH, WIDTH], 1), ...given };
    const expected = await runOnce(runtime, model, inputs);
    const built = await buildFile('int8-dynamic', { model, inputs, outputs: expected }, { runtime, folder });
    t.true(operators(built).includes(becomes), operators(built).join(' '));
    for (const each of [runtime, web]) {
      const results = await runOnce(each, built, inputs);
      t.deepEqual(Object.keys(results), Object.keys(expected));
      for (const output of Object.keys(expected)) t.true(likeness(results, expected, output) > 0.999, output);
    }
    for (const recipe of ['int8-weights', 'fp16-weights', 'fp16'] as const) {
      const other = await buildFile(recipe, { model, inputs, outputs: expected }, { runtime, folder });
      t.true(other.length < model.length, recipe);
      t.true(likeness(await runOnce(runtime, other, inputs), expected) > 0.999, recipe);
    }
  });

/** Attention that keeps a state over an input with a channel that is a thousand times as large as the others, and unread. */
test('attention that 8 bits ruin stays in fp32 where calibration data shows it', async (t) => {
  const folder = await temporaryFolder(t);
  const graph = new GraphWriter();
  const values = noise(WIDTH * 3 * WIDTH, 2).map((value, i) => (i < 3 * WIDTH ? value * 1e-4 : value));
  const weights = graph.floats(values, [WIDTH, 3 * WIDTH]);
  const shift = graph.floats(noise(3 * WIDTH, 3), [3 * WIDTH]);
  graph.own('Attention', ['x', weights, shift, '', 'past'], { num_heads: HEADS }, ['a', 'present']);
  graph.node('MatMul', ['a', graph.floats(noise(WIDTH * WIDTH, 5), [WIDTH, WIDTH])], {}, 'y');
  const shapes = { x: ['batch', 'length', WIDTH], ...PAST.shapes };
  const model = graph.model(14, shapes, { y: ['batch', 'length', WIDTH] });
  const given = noise(BATCH * LENGTH * WIDTH, 1).map((value, i) => (i % WIDTH === 0 ? value * 3000 : value));
  const inputs = { x: float32(given, [BATCH, LENGTH, WIDTH]), ...PAST.given };
  const outputs = await runOnce(runtime, model, inputs);
  const build = (calibration: Tensors[]): Promise<Uint8Array> =>
    buildFile('int8-dynamic', { model, inputs, outputs }, { runtime, folder, calibration });
  const [blind, seeing] = [await build([]), await build([inputs])];
  t.true(operators(blind).includes('QAttention'));
  t.true(likeness(await runOnce(runtime, blind, inputs), outputs) < 0.97);
  t.true(operators(seeing).includes('Attention'));
  t.true(operators(seeing).includes('MatMulInteger'));
  t.true(likeness(await runOnce(runtime, seeing, inputs), outputs) > 0.99);
});
