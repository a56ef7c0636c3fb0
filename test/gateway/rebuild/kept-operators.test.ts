import test from 'ava';
import type { RecipeName, Tensors } from '../../../core/index.ts';
import { allNodes, DATA_TYPE, decodeModel } from '../../../gateway/rebuild/onnx/index.ts';
import { RecipeNotApplicableError } from '../../../gateway/rebuild/errors.ts';
import { likeness, loadNative, runOnce } from '../../helpers/loaded-runtimes.ts';
import { GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { buildFile } from '../../helpers/recipe-bench.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

/** Operators that no recipe rewrites, between products that recipes do: every recipe goes around them. */

const runtime = await loadNative();
const RECIPES: RecipeName[] = [
  'optimize',
  'fp16',
  'fp16-weights',
  'int8-weights',
  'int8-dynamic',
  'int8-static',
];
const [BATCH, LENGTH, WIDTH, HEADS] = [2, 6, 64, 4];

interface Kept {
  opset: number;
  /** Writes the middle of the graph; the names of what comes in are given. */
  write: (graph: GraphWriter, project: (of: string, width?: number) => string) => string;
  shapes?: Record<string, (number | string)[]>;
  types?: Record<string, number>;
  given?: Tensors;
  /** The operator that must still be there after `int8-dynamic`, and how many products became 8 bits. */
  stays: string;
  products: number;
}

const past = noiseTensor([BATCH, HEADS, 3, WIDTH / HEADS], 8);
const weights = (graph: GraphWriter, dims: number[], seed: number): string =>
  graph.floats(
    noise(
      dims.reduce((product, dim) => product * dim, 1),
      seed,
    ).map((value) => value * 0.2),
    dims,
  );

const KEPT: Record<string, Kept> = {
  'attention of the standard': {
    opset: 23,
    write: (graph, project) => {
      const [q, k, v] = [project('x'), project('x'), project('x')];
      return graph.node('Attention', [q, k, v], { q_num_heads: HEADS, kv_num_heads: HEADS, is_causal: 1 });
    },
    stays: 'Attention',
    products: 4,
  },
  'attention of many heads, with a state': {
    opset: 17,
    write: (graph, project) =>
      graph.own('MultiHeadAttention', [project('x'), project('x'), project('x'), '', '', '', 'pk', 'pv'], {
        num_heads: HEADS,
      }),
    shapes: { pk: ['batch', HEADS, 'before', WIDTH / HEADS], pv: ['batch', HEADS, 'before', WIDTH / HEADS] },
    given: { pk: past, pv: past },
    stays: 'MultiHeadAttention',
    products: 4,
  },
  'attention of grouped queries': {
    opset: 17,
    write: (graph, project) => {
      const half = WIDTH / 2;
      const input = [project('x'), project('x', half), project('x', half), 'pk', 'pv', 'lengths', 'all'];
      return graph.own('GroupQueryAttention', input, { num_heads: HEADS, kv_num_heads: HEADS / 2 }, [
        'mixed',
        'keys',
        'values',
      ]);
    },
    shapes: {
      pk: ['batch', HEADS / 2, 'before', WIDTH / HEADS],
      pv: ['batch', HEADS / 2, 'before', WIDTH / HEADS],
      lengths: ['batch'],
      all: [],
    },
    types: { lengths: DATA_TYPE.int32, all: DATA_TYPE.int32 },
    given: {
      pk: noiseTensor([BATCH, HEADS / 2, 0, WIDTH / HEADS], 8),
      pv: noiseTensor([BATCH, HEADS / 2, 0, WIDTH / HEADS], 8),
      lengths: { type: 'int32', dims: [BATCH], data: new Int32Array(BATCH).fill(LENGTH - 1) },
      all: { type: 'int32', dims: [], data: Int32Array.of(LENGTH) },
    },
    stays: 'GroupQueryAttention',
    products: 4,
  },
  'a recurrent network of gates': {
    opset: 14,
    write: (graph, project) => {
      const input = [
        project('x'),
        weights(graph, [1, 3 * WIDTH, WIDTH], 4),
        weights(graph, [1, 3 * WIDTH, WIDTH], 5),
      ];
      const out = graph.node('GRU', input, { hidden_size: WIDTH, linear_before_reset: 1 });
      return graph.node('Squeeze', [out, graph.ints([1])]);
    },
    stays: 'GRU',
    products: 2,
  },
  'a plain recurrent network': {
    opset: 14,
    write: (graph, project) => {
      const input = [
        project('x'),
        weights(graph, [1, WIDTH, WIDTH], 4),
        weights(graph, [1, WIDTH, WIDTH], 5),
      ];
      const out = graph.node('RNN', input, { hidden_size: WIDTH });
      return graph.node('Squeeze', [out, graph.ints([1])]);
    },
    stays: 'RNN',
    products: 2,
  },
  'a quick gate': {
    opset: 17,
    write: (graph, project) => graph.own('QuickGelu', [project('x')], { alpha: { float: 1.702 } }),
    stays: 'QuickGelu',
    products: 2,
  },
};

for (const [name, { opset, write, shapes, types, given, stays, products }] of Object.entries(KEPT))
  test(`every recipe goes around ${name}`, async (t) => {
    const folder = await temporaryFolder(t);
    const graph = new GraphWriter();
    let seed = 10;
    const project = (of: string, width = WIDTH): string => {
      seed += 1;
      return graph.node('MatMul', [of, weights(graph, [WIDTH, width], seed)]);
    };
    const mixed = write(graph, project);
    graph.node('MatMul', [mixed, weights(graph, [WIDTH, WIDTH], 3)], {}, 'y');
    const state = ['batch', 'length', WIDTH];
    const model = graph.model(opset, { x: state, ...shapes }, { y: state }, types);
    const inputs = { x: noiseTensor([BATCH, LENGTH, WIDTH], 1), ...given };
    const outputs = await runOnce(runtime, model, inputs);
    for (const recipe of RECIPES)
      try {
        const built = await buildFile(recipe, { model, inputs, outputs }, { runtime, folder });
        t.true(likeness(await runOnce(runtime, built, inputs), outputs) > 0.99, recipe);
        if (recipe !== 'optimize') t.true(built.length < 0.8 * model.length, `${recipe}: ${built.length}`);
        if (recipe === 'int8-weights')
          t.true(built.length < 0.4 * model.length, `${built.length / model.length}`);
        if (recipe !== 'int8-dynamic') continue;
        const found = [...allNodes(decodeModel(built).graph)].map(({ opType }) => opType);
        t.true(found.includes(stays));
        t.is(found.filter((each) => each === 'MatMulInteger').length, products);
      } catch (error) {
        if (!(error instanceof RecipeNotApplicableError))
          throw new Error(`${recipe} failed`, { cause: error });
        t.log(`${recipe}: ${error.message}`);
      }
  });
