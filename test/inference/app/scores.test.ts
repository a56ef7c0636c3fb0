import test from 'ava';
import { InvalidInputError } from '../../../core/index.ts';
import { decodeCtc, float32, parseCharset, softmax, topK } from '../../../inference/app/index.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test('softmax gives probabilities, of huge logits too', (t) => {
  const even = softmax([2, 2]);
  t.deepEqual([...even], [0.5, 0.5]);
  const huge = softmax([1e4, 1e4 - Math.log(3), -1e4]);
  t.deepEqual(
    Array.from(huge, (value) => Math.round(value * 100) / 100),
    [0.75, 0.25, 0],
  );
});

test('the best classes come first, the lower index before an equal one', (t) => {
  t.deepEqual(topK([0.1, 0.5, 0.2, 0.5], 3), [
    { index: 1, score: 0.5 },
    { index: 3, score: 0.5 },
    { index: 2, score: 0.2 },
  ]);
  t.is(topK([1], 5).length, 1);
});

test('a character list fits a model with or without a class for the space', (t) => {
  t.deepEqual(parseCharset(text('a\nb\n'), 3), ['', 'a', 'b']);
  t.deepEqual(parseCharset(text('a\r\nb'), 4), ['', 'a', 'b', ' ']);
  t.throws(() => parseCharset(text('a\nb'), 7), { instanceOf: InvalidInputError });
});

/** One row a step, with most of the weight on the given class. */
function steps(best: number[], classes: number, weight = 0.9): Float32Array {
  const data = new Float32Array(best.length * classes).fill((1 - weight) / (classes - 1));
  best.forEach((index, step) => (data[step * classes + index] = weight));
  return data;
}

test('repeats are one character, a blank between them makes two', (t) => {
  const charset = ['', 'a', 'b', ' '];
  const output = float32(steps([0, 1, 1, 0, 1, 2, 3, 3, 2, 0], 4), [1, 10, 4]);
  const read = decodeCtc(output, charset);
  t.is(read.text, 'aab b');
  t.is(Math.round(read.score * 1000), 900);
});

test('nothing but blanks reads as nothing, without confidence', (t) => {
  t.deepEqual(decodeCtc(float32(steps([0, 0], 3), [2, 3]), ['', 'a', 'b']), { text: '', score: 0 });
});

test('an output that does not fit the list is refused', (t) => {
  const charset = ['', 'a', 'b'];
  t.throws(() => decodeCtc(float32(steps([0], 4), [1, 1, 4]), charset), { instanceOf: InvalidInputError });
  t.throws(() => decodeCtc(float32(steps([0, 1], 3), [2, 1, 3]), charset), { instanceOf: InvalidInputError });
  t.throws(() => decodeCtc({ type: 'int64', dims: [1, 3], data: new BigInt64Array(3) }, charset), {
    instanceOf: InvalidInputError,
  });
});
