import test from 'ava';
import {
  ctcClasses,
  decodeSamples,
  encodeSamples,
  float32,
  InvalidInputError,
  type Metric,
  scoreSample,
  type Tensor,
} from '../../core/index.ts';

const vector = (...values: number[]): Tensor => float32(Float32Array.from(values), [1, values.length]);
const score = (metric: Metric, got: Tensor, original: Tensor, expected?: number | number[]): number =>
  scoreSample(metric, { y: got }, { inputs: {}, expected }, { y: original });

test('top1 goes by the truth where there is one, else by the original', (t) => {
  const metric: Metric = { kind: 'top1', output: 'y' };
  t.is(score(metric, vector(0.1, 0.9), vector(0.9, 0.1), 1), 1);
  t.is(score(metric, vector(0.1, 0.9), vector(0.9, 0.1)), 0);
});

test('top1 scores a batch by its share of right rows', (t) => {
  const got = float32(Float32Array.from([1, 0, 0, 1, 1, 0, 1, 0]), [4, 2]);
  t.is(score({ kind: 'top1', output: 'y' }, got, got, [0, 1, 0, 1]), 0.75);
});

test('CTC merges repeats and drops blanks', (t) => {
  const best = [0, 2, 2, 0, 2, 3, 3, 0];
  const data = new Float32Array(best.length * 4);
  best.forEach((cls, step) => (data[step * 4 + cls] = 1));
  t.deepEqual(ctcClasses(float32(data, [1, best.length, 4]), 0), [2, 2, 3]);
});

test('binary goes by the threshold', (t) => {
  const metric: Metric = { kind: 'binary', output: 'y', threshold: 0.5 };
  t.is(score(metric, vector(0.6), vector(0.4), 1), 1);
  t.is(score(metric, vector(0.6), vector(0.4)), 0);
});

test('IoU is the overlap of what is above the threshold', (t) => {
  const metric: Metric = { kind: 'iou', output: 'y', threshold: 0.5 };
  t.is(score(metric, vector(1, 1, 0, 0), vector(0, 1, 1, 0)), 1 / 3);
  t.is(score(metric, vector(0, 0), vector(0, 0)), 1);
});

test('cosine is 1 for the same direction and 0 for what is not a number', (t) => {
  const metric: Metric = { kind: 'cosine', output: 'y' };
  t.true(Math.abs(score(metric, vector(1, 2, 3), vector(2, 4, 6)) - 1) < 1e-6);
  t.is(score(metric, vector(Number.NaN, 1), vector(1, 1)), 0);
});

test('a metric on an output that is not there says so', (t) => {
  t.throws(() => score({ kind: 'top1', output: 'z' }, vector(1), vector(1)), {
    instanceOf: InvalidInputError,
  });
});

test('samples survive encoding, packed pictures to within half a step', (t) => {
  const x = float32(Float32Array.from([-1, -0.5, 0, 0.25, 1]), [1, 5]);
  const set = { samples: [{ inputs: { x }, expected: [1, 2] }] };
  t.deepEqual(decodeSamples(encodeSamples(set)), set);
  const packed = decodeSamples(encodeSamples(set, { x: { scale: 2 / 255, shift: -1 } })).samples[0]?.inputs.x;
  packed?.data.forEach((value, i) => t.true(Math.abs(Number(value) - Number(x.data[i])) <= 1 / 255 + 1e-6));
});

test('a sample whose bytes do not fit its dims is refused', (t) => {
  const bad = { samples: [{ inputs: { x: float32(new Float32Array(3), [4]) } }] };
  t.throws(() => decodeSamples(encodeSamples(bad)), { instanceOf: InvalidInputError });
});
