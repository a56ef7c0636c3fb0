import test from 'ava';
import type { Tensor, Tensors } from '../../../core/index.ts';
import { DATA_TYPE, decodeModel, encodeModel, type NodeProto } from '../../../gateway/rebuild/onnx/index.ts';
import { unfuse } from '../../../gateway/rebuild/recipes/unfuse/unfuse.ts';
import { loadNative, runOnce } from '../../helpers/loaded-runtimes.ts';
import { GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';

const runtime = await loadNative();

interface Case {
  /** Writes the graph around the input `x`; its output is `y`. */
  write: (graph: GraphWriter) => void;
  /** Shapes of the inputs. */
  inputs: Record<string, (number | string)[]>;
  types?: Record<string, number>;
  given: Tensors;
  /** Operators afterwards, of which a fused one is not the last. */
  parts: string[];
  outputs?: Record<string, (number | string)[]>;
  opset?: number;
}

const [BATCH, LENGTH, WIDTH, HEADS] = [2, 6, 32, 4];
const x = noiseTensor([BATCH, LENGTH, WIDTH], 1);
const STATE = { x: ['batch', 'length', WIDTH] };
const weights = (graph: GraphWriter, dims: number[], seed: number, scale = 0.3): string =>
  graph.floats(
    noise(
      dims.reduce((product, dim) => product * dim, 1),
      seed,
    ).map((value) => value * scale),
    dims,
  );
const ints = (dims: number[], data: number[]): Tensor => ({
  type: 'int32',
  dims,
  data: Int32Array.from(data),
});
const attention =
  (mask: string, attributes: Record<string, number | { float: number }> = {}, bias = '') =>
  (graph: GraphWriter): void => {
    const input = [
      'x',
      weights(graph, [WIDTH, 3 * WIDTH], 2),
      weights(graph, [3 * WIDTH], 3),
      mask,
      '',
      bias,
    ];
    graph.own('Attention', input, { num_heads: HEADS, ...attributes }, ['y']);
  };
const PROJECTIONS = ['MatMul', 'Add', 'MatMul', 'Add', 'MatMul', 'Add', 'MultiHeadAttention'];
const int32 = { mask: DATA_TYPE.int32 };

const CASES: Record<string, Case> = {
  'attention without a mask': {
    write: attention(''),
    inputs: STATE,
    given: { x },
    parts: PROJECTIONS,
  },
  'attention that looks back only, with a scale of its own': {
    write: attention('', { unidirectional: 1, scale: { float: 0.2 } }),
    inputs: STATE,
    given: { x },
    parts: PROJECTIONS,
  },
  'attention with a mask of keys and a value for what is masked': {
    write: attention('mask', { mask_filter_value: { float: -1 } }),
    inputs: { ...STATE, mask: ['batch', 'length'] },
    types: int32,
    given: { x, mask: ints([BATCH, LENGTH], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0]) },
    parts: PROJECTIONS,
  },
  'attention with a mask of pairs': {
    write: attention('mask'),
    inputs: { ...STATE, mask: ['batch', 'length', 'length'] },
    types: int32,
    given: {
      x,
      mask: ints(
        [BATCH, LENGTH, LENGTH],
        Array.from({ length: BATCH * LENGTH * LENGTH }, (_, i) => Number(i % 3 !== 0)),
      ),
    },
    parts: PROJECTIONS,
  },
  'attention with something added to its scores': {
    write: attention('', {}, 'bias'),
    inputs: { ...STATE, bias: ['batch', HEADS, 'length', 'length'] },
    given: { x, bias: noiseTensor([BATCH, HEADS, LENGTH, LENGTH], 9) },
    parts: PROJECTIONS,
  },
  'attention whose values are narrower than its keys': {
    write: (graph) => {
      const [keys, values] = [WIDTH, WIDTH / 2];
      const input = [
        'x',
        weights(graph, [WIDTH, 2 * keys + values], 2),
        weights(graph, [2 * keys + values], 4),
      ];
      graph.own('Attention', input, { num_heads: HEADS, qkv_hidden_sizes: [keys, keys, values] }, ['y']);
    },
    inputs: STATE,
    given: { x },
    outputs: { y: ['batch', 'length', WIDTH / 2] },
    parts: PROJECTIONS,
  },
  'attention with beginnings and ends of sequences, which stays': {
    write: attention('mask'),
    inputs: { ...STATE, mask: ['twice'] },
    types: int32,
    given: { x, mask: ints([2 * BATCH], [6, 5, 0, 2]) },
    parts: ['Attention'],
  },
  'attention with a state, which stays': {
    write: (graph) => {
      const input = ['x', weights(graph, [WIDTH, 3 * WIDTH], 2), weights(graph, [3 * WIDTH], 3), '', 'past'];
      graph.own('Attention', input, { num_heads: HEADS, unidirectional: 1 }, ['y', 'present']);
    },
    inputs: { ...STATE, past: [2, 'batch', HEADS, 'before', WIDTH / HEADS] },
    given: { x, past: noiseTensor([2, BATCH, HEADS, 3, WIDTH / HEADS], 8) },
    parts: ['Attention'],
  },
  'a normalisation of a sum of three, whose sum is read too': {
    write: (graph) => {
      const input = [
        'x',
        'skip',
        weights(graph, [WIDTH], 2),
        weights(graph, [WIDTH], 3),
        weights(graph, [WIDTH], 4),
      ];
      const normed = graph.own('SkipLayerNormalization', input, { epsilon: { float: 1e-5 } }, [
        'n',
        '',
        '',
        's',
      ]);
      graph.node('Add', [normed, 's'], {}, 'y');
    },
    inputs: { ...STATE, skip: [1, 'length', WIDTH] },
    given: { x, skip: noiseTensor([1, LENGTH, WIDTH], 5) },
    parts: ['Add', 'Add', 'LayerNormalization', 'Add'],
  },
  'a normalisation by the root mean square': {
    write: (graph) => {
      const input = ['x', 'skip', weights(graph, [WIDTH], 2)];
      graph.own('SkipSimplifiedLayerNormalization', input, { epsilon: { float: 1e-5 } }, ['y']);
    },
    inputs: { ...STATE, skip: ['batch', 'length', WIDTH] },
    given: { x, skip: noiseTensor([BATCH, LENGTH, WIDTH], 5) },
    parts: ['Add', 'SimplifiedLayerNormalization'],
  },
  'embeddings of words, places and kinds, with the lengths that attention asks for': {
    write: (graph) => {
      const tables = [
        weights(graph, [20, WIDTH], 2),
        weights(graph, [8, WIDTH], 3),
        weights(graph, [2, WIDTH], 4),
      ];
      const norm = [weights(graph, [WIDTH], 5), weights(graph, [WIDTH], 6)];
      graph.own('EmbedLayerNormalization', ['ids', 'kinds', ...tables, ...norm, 'mask'], {}, [
        'x',
        'lengths',
        'sum',
      ]);
      attention('lengths')(graph);
      graph.node('Identity', ['sum'], {}, 'z');
    },
    inputs: { ids: ['batch', 'length'], kinds: ['batch', 'length'], mask: ['batch', 'length'] },
    types: { ids: DATA_TYPE.int32, kinds: DATA_TYPE.int32, mask: DATA_TYPE.int32 },
    given: {
      ids: ints([BATCH, LENGTH], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 19]),
      kinds: ints([BATCH, LENGTH], [0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1]),
      mask: ints([BATCH, LENGTH], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0]),
    },
    outputs: { y: ['batch', 'length', WIDTH], z: ['batch', 'length', WIDTH] },
    parts: [
      ...['Shape', 'Gather', 'Range', 'Gather', 'Gather', 'Gather', 'Add', 'Add', 'ReduceSum'],
      ...['LayerNormalization', ...PROJECTIONS, 'Identity'],
    ],
  },
  'embeddings whose places are given, without kinds, of an older operator set': {
    write: (graph) => {
      const input = ['ids', '', weights(graph, [20, WIDTH], 2), weights(graph, [8, WIDTH], 3), ''];
      const norm = [weights(graph, [WIDTH], 5), weights(graph, [WIDTH], 6)];
      graph.own('EmbedLayerNormalization', [...input, ...norm, '', 'places'], {}, ['y', 'unread']);
    },
    inputs: { ids: ['batch', 'length'], places: ['batch', 'length'] },
    types: { ids: DATA_TYPE.int32, places: DATA_TYPE.int32 },
    given: {
      ids: ints([BATCH, LENGTH], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 19]),
      places: ints([BATCH, LENGTH], [0, 1, 2, 3, 4, 5, 7, 6, 5, 4, 3, 2]),
    },
    opset: 12,
    parts: ['Gather', 'Gather', 'Add', 'LayerNormalization'],
  },
  'gates with a bias, exact and fast': {
    write: (graph) => {
      const exact = graph.own('BiasGelu', ['x', weights(graph, [WIDTH], 2)]);
      graph.own('FastGelu', [exact, weights(graph, [WIDTH], 3)], {}, ['y']);
    },
    inputs: STATE,
    given: { x },
    parts: ['Add', 'Gelu', 'Add', 'FastGelu'],
  },
  'a product with a matrix that is turned and scaled': {
    write: (graph) => {
      const matrix = weights(graph, [WIDTH, WIDTH], 2);
      graph.own('FusedMatMul', ['x', matrix], { transB: 1, alpha: { float: 0.5 } }, ['y']);
    },
    inputs: STATE,
    given: { x },
    parts: ['MatMul'],
  },
  'convolutions with activations, one with a sum between': {
    write: (graph) => {
      const filters = weights(graph, [4, 4, 3, 3], 2);
      const shared = { pads: [1, 1, 1, 1], kernel_shape: [3, 3] };
      const first = graph.own('FusedConv', ['x', filters, weights(graph, [4], 3), 'x'], {
        ...shared,
        activation: 'Relu',
      });
      const second = graph.own('FusedConv', [first, filters], {
        ...shared,
        activation: 'Clip',
        activation_params: { floats: [-0.2, 0.4] },
      });
      graph.own(
        'FusedConv',
        [second, filters],
        {
          ...shared,
          activation: 'LeakyRelu',
          activation_params: { floats: [0.3] },
        },
        ['y'],
      );
    },
    inputs: { x: [1, 4, 8, 8] },
    given: { x: noiseTensor([1, 4, 8, 8], 4) },
    outputs: { y: [1, 4, 8, 8] },
    parts: ['Conv', 'Add', 'Relu', 'Conv', 'Clip', 'Conv', 'LeakyRelu'],
  },
  'a Gemm with an activation': {
    write: (graph) => {
      const input = ['x', weights(graph, [16, WIDTH], 2), weights(graph, [16], 3)];
      graph.own(
        'FusedGemm',
        input,
        { transB: 1, activation: 'LeakyRelu', activation_alpha: { float: 0.2 } },
        ['y'],
      );
    },
    inputs: { x: ['batch', WIDTH] },
    given: { x: noiseTensor([5, WIDTH], 4) },
    outputs: { y: ['batch', 16] },
    parts: ['Gemm', 'LeakyRelu'],
  },
};

for (const [name, { write, inputs, types, given, parts, outputs, opset = 17 }] of Object.entries(CASES))
  test(`taken apart, it gives the same: ${name}`, async (t) => {
    const graph = new GraphWriter();
    write(graph);
    const model = graph.model(opset, inputs, outputs ?? { y: ['batch', 'length', WIDTH] }, types);
    const expected = await runOnce(runtime, model, given);
    const whole = decodeModel(model);
    await unfuse(whole, { keep: () => false, runtime });
    t.deepEqual(
      whole.graph.node.map(({ opType }) => opType),
      parts,
    );
    const results = await runOnce(runtime, encodeModel(whole), given);
    for (const [output, { data }] of Object.entries(expected)) {
      const got = results[output]?.data ?? [];
      t.is(got.length, data.length);
      const off = [...data].map((value, i) => Math.abs(Number(value) - Number(got[i])));
      t.true(Math.max(...off) < 2e-5, `${output} is off by ${Math.max(...off)}`);
    }
  });

test('what the card keeps in fp32 is not taken apart', async (t) => {
  const graph = new GraphWriter();
  attention('')(graph);
  const whole = decodeModel(graph.model(17, STATE, { y: ['batch', 'length', WIDTH] }));
  const keep = ({ opType }: NodeProto): boolean => opType === 'Attention';
  t.is(await unfuse(whole, { keep, runtime }), 0);
  t.is(await unfuse(whole, { keep: () => false, runtime }), 1);
});
