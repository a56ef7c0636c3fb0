import test from 'ava';
import type { Sample } from '../../../core/index.ts';
import {
  DATA_TYPE,
  decodeModel,
  encodeModel,
  type NodeProto,
  readTensor,
} from '../../../gateway/rebuild/onnx/index.ts';
import { storeSmaller } from '../../../gateway/rebuild/recipes/compact.ts';
import { biasShift } from '../../../gateway/rebuild/recipes/static/bias-shift.ts';
import { ChannelStatistics } from '../../../gateway/rebuild/recipes/static/channels.ts';
import { divergence } from '../../../gateway/rebuild/recipes/static/divergence.ts';
import { effortFor } from '../../../gateway/rebuild/recipes/static/effort.ts';
import { equalise } from '../../../gateway/rebuild/recipes/static/equalise.ts';
import { gridOver } from '../../../gateway/rebuild/recipes/static/grid.ts';
import { Histogram } from '../../../gateway/rebuild/recipes/static/histogram.ts';
import { LIMITS, rangeOf } from '../../../gateway/rebuild/recipes/static/ranges.ts';
import { Decisions } from '../../../gateway/rebuild/recipes/static/regret.ts';
import { quantizeWeights } from '../../../gateway/rebuild/recipes/weights.ts';
import { buildStatic, outputsOf } from '../../helpers/build-static.ts';
import { GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { card } from '../../helpers/rebuild-samples.ts';

/** Values near zero as a network's are: the product of three uniform ones. */
function peaked(count: number, seed: number): Float32Array {
  const [a, b, c] = [noise(count, seed), noise(count, seed + 1), noise(count, seed + 2)];
  return a.map((value, i) => value * (b[i] ?? 0) * (c[i] ?? 0));
}

function seen(...values: Float32Array[]): Histogram {
  const histogram = new Histogram();
  for (const each of values) histogram.add(each);
  return histogram;
}

test('a percentile leaves its share of the values outside, from both ends or from the one there is', (t) => {
  const values = Float32Array.from({ length: 10_000 }, (_, i) => (i + 1) / 10_000);
  const one = rangeOf(seen(values), 'percentile-99.9');
  t.is(one.low, 0);
  t.true(Math.abs(one.high - 0.999) < 0.002, String(one.high));
  const both = rangeOf(
    seen(
      values,
      values.map((value) => -value),
    ),
    'percentile-99.9',
  );
  t.true(Math.abs(both.high - 0.999) < 0.002 && Math.abs(both.low + 0.999) < 0.002);
  t.true(rangeOf(seen(values), 'percentile-99.99').high > one.high);
});

test('every way to set ranges keeps zero inside, stays within what was seen, and survives constants', (t) => {
  const cases = {
    peaked: seen(peaked(50_000, 1)),
    positive: seen(peaked(50_000, 1).map(Math.abs)),
    negative: seen(peaked(50_000, 1).map((value) => -Math.abs(value))),
    nothing: seen(new Float32Array(100)),
    one: seen(Float32Array.of(3)),
    unseen: new Histogram(),
  };
  for (const limits of LIMITS)
    for (const [name, histogram] of Object.entries(cases)) {
      const { low, high } = rangeOf(histogram, limits);
      t.true(low <= 0 && high >= 0 && high > low, `${name} ${limits}: ${low} to ${high}`);
      if (histogram.max > histogram.min)
        t.true(low >= Math.min(0, histogram.min) && high <= Math.max(0, histogram.max), `${name} ${limits}`);
    }
});

test('the least divergence cuts off what is rare, and nothing off an even spread', (t) => {
  const rare = seen(peaked(200_000, 3), Float32Array.of(20));
  t.true(rangeOf(rare, 'entropy').high < 3);
  const even = seen(noise(200_000, 5));
  t.true(rangeOf(even, 'entropy').high > 0.95);
});

test('zeros, which every grid has exactly, do not draw the threshold to themselves', (t) => {
  const values = noise(50_000, 7).map(Math.abs);
  const zeros = new Float32Array(400_000);
  t.true(rangeOf(seen(values, zeros), 'entropy').high > 0.9);
});

test('the divergence is zero where every bin has a level, and grows as bins share one', (t) => {
  const counts = Float64Array.from({ length: 512 }, (_, i) => 1 + (i % 7));
  t.true(Math.abs(divergence(counts, 512, 512)) < 1e-9);
  t.true(divergence(counts, 512, 128) > divergence(counts, 512, 256));
  t.true(divergence(counts, 256, 256) > 0.1);
});

test('a symmetric grid has zero in its middle, but not where one side is nearly empty', (t) => {
  t.deepEqual(gridOver({ low: -1, high: 0.5 }, true), {
    scale: gridOver({ low: -1, high: 1 }, true).scale,
    zero: 128,
  });
  t.is(gridOver({ low: 0, high: 4 }, true).zero, 0);
  t.true(gridOver({ low: -0.375, high: 6 }, true).zero < 20);
});

test('ranges are measured on some samples and compared on others, where there are enough', (t) => {
  const samples = (count: number): Sample[] => Array.from({ length: count }, () => ({ inputs: {} }));
  const many = effortFor(1e6, samples(40));
  t.is(many.observed.length + many.judged.length, 40);
  t.false(many.judged.some((each) => many.observed.includes(each)));
  const few = effortFor(1e6, samples(5));
  t.deepEqual([few.observed.length, few.judged.length], [5, 5]);
});

test('a model that takes long is run less', (t) => {
  const samples = Array.from({ length: 400 }, (): Sample => ({ inputs: {} }));
  const [small, large] = [effortFor(1e6, samples), effortFor(1e11, samples)];
  t.true(large.judged.length < small.judged.length && large.evaluations < small.evaluations);
  t.true(large.judged.length * large.evaluations * 1e11 < 4e12);
});

test('means and peaks are those of each channel, wherever its axis is', (t) => {
  const first = new ChannelStatistics(1);
  first.add(Float32Array.of(1, 3, -8, 2), [1, 2, 2]);
  first.add(Float32Array.of(1, 1, 2, 2), [1, 2, 2]);
  t.deepEqual([...first.means()], [1.5, -0.5]);
  t.deepEqual([...first.peaks()], [3, 8]);
  const last = new ChannelStatistics(-1);
  last.add(Float32Array.of(1, 3, -8, 2), [2, 2]);
  t.deepEqual([...last.means()], [-3.5, 2.5]);
});

test('what rounding adds to the mean of a channel is found from the means of the inputs', (t) => {
  const [dims, groups] = [[4, 2, 3], 2];
  const before = noise(24, 3);
  const after = quantizeWeights(before, dims, 0, { bits: 7 });
  const means = Float64Array.from({ length: 4 }, (_, i) => i + 1);
  const shift = biasShift({ before, after, dims, axis: 0, groups, means })!;
  // Channel 2 is of the second group, whose inputs are the third and the fourth.
  let expected = 0;
  for (let input = 0; input < 2; input += 1)
    for (let k = 0; k < 3; k += 1) {
      const at = (2 * 2 + input) * 3 + k;
      expected += (after.scales[2]! * after.values[at]! - before[at]!) * means[2 + input]!;
    }
  t.true(Math.abs(shift[2]! - expected) < 1e-9);
  t.is(biasShift({ before, after, dims, axis: 0, groups: 1, means }), undefined);
});

test('equalised channels give the same outputs and use the same range', async (t) => {
  const writer = new GraphWriter();
  const loud = noise(8 * 4 * 9, 3).map((value, i) => value * (i < 36 ? 40 : 0.05));
  const first = writer.node('Conv', [
    'x',
    writer.floats(loud, [8, 4, 3, 3]),
    writer.floats(noise(8, 2), [8]),
  ]);
  const limited = writer.node('Relu', [first]);
  writer.node('Conv', [limited, writer.floats(noise(4 * 8, 5), [4, 8, 1, 1])], {}, 'y');
  const source = writer.model(13, { x: [1, 4, 10, 10] }, { y: [1, 4, 8, 8] });
  const samples = [{ inputs: { x: noiseTensor([1, 4, 10, 10], 9) } }];
  const model = decodeModel(source);
  const peaks = Float64Array.from({ length: 8 }, (_, i) => (i === 0 ? 400 : 1));
  const changed = equalise(
    model,
    (value) => (value === limited ? peaks : undefined),
    () => false,
  );
  t.deepEqual([...changed].sort(), [first, limited].sort());
  const [[before], [after]] = [
    await outputsOf(source, samples),
    await outputsOf(encodeModel(model), samples),
  ];
  const numbers = Array.from(before!.y!.data as Float32Array);
  const largest = Math.max(...numbers.map(Math.abs));
  for (const [i, value] of numbers.entries())
    t.true(Math.abs(value - Number(after!.y!.data[i])) < 1e-4 * largest);
  const kept = decodeModel(source);
  t.is(
    equalise(
      kept,
      () => peaks,
      ({ name }) => name === 'Conv_0',
    ).size,
    0,
  );
});

test('a toss-up that falls the other way costs little, a turned certainty all', (t) => {
  const original = { type: 'float32' as const, dims: [2, 2], data: Float32Array.of(0.51, 0.49, 0.99, 0.01) };
  const decisions = new Decisions({ kind: 'top1', output: 'y' }, original);
  const got = (...data: number[]) => ({ ...original, data: Float32Array.from(data) });
  t.is(decisions.regret(got(0.6, 0.4, 0.9, 0.1), 1), 0);
  t.true(Math.abs(decisions.regret(got(0.49, 0.51, 0.99, 0.01), 1) - 0.01) < 1e-6);
  t.true(Math.abs(decisions.regret(got(0.51, 0.49, 0.4, 0.6), 1) - 0.49) < 1e-6);
  t.is(decisions.changed(got(0.49, 0.51, 0.4, 0.6)), 2);
  // Right by a little: with twice the error it would be wrong.
  t.true(decisions.regret(got(0.51, 0.49, 0.6, 0.4), 2) > 0.4);
});

test('activations are int8 where that is asked for, and the result stays near', async (t) => {
  const writer = new GraphWriter();
  const first = writer.node('Conv', ['x', writer.floats(noise(16 * 8 * 9, 3), [16, 8, 3, 3])]);
  const second = writer.node('Conv', [
    writer.node('Relu', [first]),
    writer.floats(noise(16 * 16, 4), [16, 16, 1, 1]),
  ]);
  writer.node('Conv', [second, writer.floats(noise(8 * 16, 5), [8, 16, 1, 1])], {}, 'y');
  const source = writer.model(13, { x: [1, 8, 12, 12] }, { y: [1, 8, 10, 10] });
  const samples = [1, 2, 3].map((seed): Sample => ({ inputs: { x: noiseTensor([1, 8, 12, 12], seed) } }));
  const { model, notes } = await buildStatic(source, card({}), samples, { activations: 'int8' });
  const { graph } = decodeModel(model);
  const zeros = graph.node.filter(({ opType }) => opType === 'QuantizeLinear').map((node) => zeroOf(node));
  t.deepEqual(zeros, [0, -128, 0, 0]);
  t.true(notes.some((note) => note.includes('full') && note.includes('entropy')));

  function zeroOf(node: NodeProto): number {
    const tensor = graph.initializer.find(({ name }) => name === node.input[2])!;
    t.is(tensor.dataType, DATA_TYPE.int8);
    return Number(readTensor(tensor).data[0]);
  }
});

test('nodes between others that would only convert back and forth stay in fp32', async (t) => {
  const writer = new GraphWriter();
  const thin = writer.node('Conv', [writer.node('Tanh', ['x']), writer.floats([0.5], [1, 1, 1, 1])]);
  const lines = writer.node('Reshape', [writer.node('Tanh', [thin]), writer.ints([1, 400])]);
  writer.node('MatMul', [lines, writer.floats(noise(400 * 64, 3), [400, 64])], {}, 'y');
  const source = writer.model(13, { x: [1, 1, 20, 20] }, { y: [1, 64] });
  const samples = [1, 2].map((seed): Sample => ({ inputs: { x: noiseTensor([1, 1, 20, 20], seed) } }));
  const { graph } = decodeModel((await buildStatic(source, card({}), samples)).model);
  const inputOf = (opType: string): string => graph.node.find((node) => node.opType === opType)!.input[1]!;
  t.true(graph.initializer.some(({ name }) => name === inputOf('Conv')));
  t.true(
    graph.node.some(({ opType, output }) => opType === 'DequantizeLinear' && output[0] === inputOf('MatMul')),
  );
});

test('a thin convolution at the beginning stays in fp32, what follows it does not', async (t) => {
  const writer = new GraphWriter();
  const first = writer.node('Conv', ['x', writer.floats(noise(16 * 9, 3), [16, 1, 3, 3])]);
  const second = [writer.node('Relu', [first]), writer.floats(noise(16 * 16 * 9, 4), [16, 16, 3, 3])];
  writer.node('Conv', second, {}, 'y');
  const source = writer.model(13, { x: [1, 1, 12, 12] }, { y: [1, 16, 8, 8] });
  const samples = [1, 2].map((seed): Sample => ({ inputs: { x: noiseTensor([1, 1, 12, 12], seed) } }));
  const { graph } = decodeModel((await buildStatic(source, card({}), samples)).model);
  const [thin, wide] = graph.node.filter(({ opType }) => opType === 'Conv');
  t.is(thin?.input[0], 'x');
  t.is(graph.node.find(({ output }) => output[0] === wide?.input[0])?.opType, 'DequantizeLinear');
});

test('weights that nodes share are stored once', async (t) => {
  const writer = new GraphWriter();
  const shared = writer.floats(
    noise(32 * 32 * 9, 3).map((value) => value / 10),
    [32, 32, 3, 3],
  );
  const pads = { pads: [1, 1, 1, 1] };
  const first = writer.node('Relu', [writer.node('Conv', ['x', shared], pads)]);
  writer.node('Conv', [first, shared], pads, 'y');
  const source = writer.model(13, { x: [1, 32, 8, 8] }, { y: [1, 32, 8, 8] });
  const samples = [1, 2].map((seed): Sample => ({ inputs: { x: noiseTensor([1, 32, 8, 8], seed) } }));
  const { model } = await buildStatic(source, card({}), samples);
  t.true(model.length < source.length * 0.32, `${model.length} of ${source.length}`);
});

test('constants in fewer bytes come back as they were, up to their rounding', async (t) => {
  const writer = new GraphWriter();
  const first = writer.node('MatMul', ['x', writer.floats(noise(64 * 32, 3), [64, 32])]);
  writer.node('Mul', [first, writer.floats(noise(8 * 32, 4), [8, 32])], {}, 'y');
  const source = writer.model(13, { x: [8, 64] }, { y: [8, 32] });
  const samples = [{ inputs: { x: noiseTensor([8, 64], 9) } }];
  const [reference] = await outputsOf(source, samples);
  for (const [storage, share, tolerance] of [
    ['half', 0.56, 0.01],
    ['bytes', 0.38, 0.1],
  ] as const) {
    const model = decodeModel(source);
    t.true(storeSmaller(model.graph, storage) > 0);
    const bytes = encodeModel(model);
    t.true(bytes.length < source.length * share, storage);
    const [outputs] = await outputsOf(bytes, samples);
    for (const [i, value] of Array.from(reference!.y!.data, Number).entries())
      t.true(Math.abs(value - Number(outputs!.y!.data[i])) < tolerance, storage);
  }
  const tiny = new GraphWriter();
  tiny.node(
    'MatMul',
    [
      'x',
      tiny.floats(
        noise(64 * 32, 3).map((value) => value * 1e-7),
        [64, 32],
      ),
    ],
    {},
    'y',
  );
  t.is(storeSmaller(decodeModel(tiny.model(13, { x: [8, 64] }, { y: [8, 32] })).graph, 'half'), 0);
});
