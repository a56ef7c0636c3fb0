import test from 'ava';
import { decodeModel, encodeModel, liftOpset } from '../../../gateway/rebuild/onnx/index.ts';
import { foldAffine } from '../../../gateway/rebuild/recipes/fold.ts';
import { halfBits } from '../../../gateway/rebuild/recipes/half.ts';
import { gridOver, gridWithShift, shifted } from '../../../gateway/rebuild/recipes/static/grid.ts';
import { Histogram } from '../../../gateway/rebuild/recipes/static/histogram.ts';
import { rangeOf } from '../../../gateway/rebuild/recipes/static/ranges.ts';
import { quantizeWeights } from '../../../gateway/rebuild/recipes/weights.ts';
import { GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { localRuntime } from '../../helpers/onnxruntime.ts';

test('float16 rounds to the nearest value, ties to even, as IEEE 754 says', (t) => {
  const known: [number, number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1.5 * 2 ** -24, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [0.1, 0x2e66],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NaN, 0x7e00],
  ];
  for (const [value, bits] of known) t.is(halfBits(value), bits, String(value));
});

test('a grid has zero as one of its levels and covers its range', (t) => {
  for (const [low, high] of [
    [0, 6],
    [-1, 1],
    [-0.3, 2.7],
    [-5, 0],
    [-1e-6, 4e3],
  ] as const) {
    const { scale, zero } = gridOver({ low, high });
    t.true(Number.isInteger(zero) && zero >= 0 && zero <= 255);
    t.true(scale * (255 - zero) >= high - scale && scale * -zero <= low + scale);
  }
});

test('a grid made for a shift reads shifted values exactly', (t) => {
  const shift = 0.375;
  const grid = gridWithShift({ low: -0.4, high: 5 }, shift)!;
  const moved = shifted(grid, shift)!;
  for (const q of [0, 17, 128, 255]) {
    const plain = grid.scale * (q - grid.zero);
    t.true(Math.abs(moved.scale * (q - moved.zero) - (plain + shift)) < grid.scale * 0.05);
  }
  t.is(gridWithShift({ low: 0, high: 1 }, 40), undefined);
  t.is(shifted({ scale: 0.1, zero: 3 }, 0.95), undefined);
});

test('limits with the least error cut off a lone outlier, full ones do not', (t) => {
  const histogram = new Histogram();
  for (let seed = 1; seed <= 20; seed += 1) histogram.add(noise(100_000, seed));
  histogram.add(Float32Array.of(30));
  t.is(rangeOf(histogram, 'full').high, 30);
  t.true(rangeOf(histogram, 'least-error').high < 15);
});

test('a histogram keeps its counts as its reach grows, and leaves out what is no number', (t) => {
  const histogram = new Histogram();
  for (const values of [
    [0.1, -0.1],
    [3, Number.NaN],
    [-70, Number.POSITIVE_INFINITY],
  ])
    histogram.add(Float32Array.from(values));
  let total = 0;
  let sum = 0;
  histogram.forEach((centre, count) => {
    total += count;
    sum += centre * count;
  });
  t.is(total, 4);
  t.true(Math.abs(sum - -67) < 0.5);
  t.deepEqual([histogram.min, histogram.max], [-70, 3]);
});

test('weights come back within half a step of their own channel', (t) => {
  const weights = noise(4 * 50, 2).map((value, i) => value * 10 ** Math.floor(i / 50));
  const { values, scales } = quantizeWeights(weights, [4, 50], 0);
  const right = weights.every((weight, i) => {
    const scale = scales[Math.floor(i / 50)] ?? 0;
    return Math.abs(weight - scale * (values[i] ?? 0)) <= scale * 0.501;
  });
  t.true(right);
  t.deepEqual([...quantizeWeights(new Float32Array(4), [2, 2], 0).values], [0, 0, 0, 0]);
});

test('factors, sums and normalisations after a convolution go into it; what it computes stays', async (t) => {
  const writer = new GraphWriter();
  const three = (values: number[]): string => writer.floats(values, [3]);
  const weights = writer.floats(noise(27, 3), [3, 1, 3, 3]);
  let value = writer.node('Conv', ['x', weights]);
  value = writer.node('Mul', [writer.floats([1.5], [1]), value]);
  value = writer.node('Add', [value, writer.floats([0.1, -0.2, 0.3], [3, 1, 1])]);
  value = writer.node('Div', [value, writer.floats([4], [])]);
  const parts = [three([1, 2, 3]), three([0, 0.1, 0.2]), three([0.1, 0, 0]), three([1, 2, 0.5])];
  value = writer.node('BatchNormalization', [value, ...parts]);
  const up = writer.node('ConvTranspose', [value, writer.floats(noise(24, 4), [3, 2, 2, 2])], {
    strides: [2, 2],
  });
  const scaled = writer.node('Mul', [up, writer.floats([2, -3], [1, 2, 1, 1])]);
  const gate = writer.node('Clip', [
    writer.node('Add', [scaled, writer.floats([3], [])]),
    writer.floats([0], []),
    writer.floats([6], []),
  ]);
  writer.node('Mul', [scaled, gate], {}, 'y');
  const source = writer.model(13, { x: [1, 1, 6, 6] }, { y: [1, 2, 8, 8] });
  const model = decodeModel(source);
  liftOpset(model);
  foldAffine(model, () => false);
  t.deepEqual(
    model.graph.node.map(({ opType }) => opType),
    ['Conv', 'ConvTranspose', 'HardSigmoid', 'Mul', 'Mul'],
  );
  const [before, after] = [await run(source), await run(encodeModel(model))];
  t.true(
    before.every((expected, i) => Math.abs(expected - after[i]!) <= 1e-4 * Math.max(1, Math.abs(expected))),
  );
});

test('nothing is folded into a convolution whose result something else reads', (t) => {
  const writer = new GraphWriter();
  const value = writer.node('Conv', ['x', writer.floats(noise(9, 3), [1, 1, 3, 3])]);
  const doubled = writer.node('Mul', [value, writer.floats([2], [1])]);
  writer.node('Add', [value, doubled], {}, 'y');
  const model = decodeModel(writer.model(13, { x: [1, 1, 6, 6] }, { y: [1, 1, 4, 4] }));
  foldAffine(model, () => false);
  t.deepEqual(
    model.graph.node.map(({ opType }) => opType),
    ['Conv', 'Mul', 'Add'],
  );
});

async function run(model: Uint8Array): Promise<number[]> {
  const session = await localRuntime.open(model);
  try {
    const { y } = await session.run({ x: noiseTensor([1, 1, 6, 6], 8) });
    return Array.from(y!.data, Number);
  } finally {
    await session.close();
  }
}
