import test from 'ava';
import type { Accuracy } from '../../../core/index.ts';
import { soberAccuracy } from '../../../gateway/rebuild/merge-results.ts';

const accuracy = (original: number, build: number, samples: number): Accuracy => ({
  metric: 'top1',
  labelled: true,
  samples,
  original,
  build,
});

test('the larger loss counts, wherever it was seen', (t) => {
  const [good, bad] = [accuracy(0.9, 0.9, 100), accuracy(0.9, 0.5, 10)];
  t.is(soberAccuracy(good, bad), bad);
  t.is(soberAccuracy(bad, good), bad);
});

test('for the same loss, and for none, what was seen on more samples counts', (t) => {
  const [many, few] = [accuracy(0.9, 0.9, 100), accuracy(0.9, 1, 10)];
  t.is(soberAccuracy(many, few), many);
  t.is(soberAccuracy(few, many), many);
});

test('what only one of them has seen counts', (t) => {
  const one = accuracy(0.9, 0.8, 10);
  t.is(soberAccuracy(one, undefined), one);
  t.is(soberAccuracy(undefined, one), one);
});
