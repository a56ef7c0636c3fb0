import test from 'ava';
import { encode, float32 } from '../../core/index.ts';
import { decodeGolden, encodeGolden } from '../../inference/index.ts';
import { compareGolden } from '../../inference/app-host/compare-golden.ts';

test('golden cases come back as they were', (t) => {
  const cases = [
    {
      inputs: {
        a: float32(Float32Array.of(1.5, NaN), [2]),
        b: { type: 'int64' as const, dims: [1, 1], data: BigInt64Array.of(-5n) },
      },
      outputs: { c: { type: 'bool' as const, dims: [], data: Uint8Array.of(1) } },
    },
  ];
  t.deepEqual(decodeGolden(encodeGolden(cases)), cases);
});

test('golden cases that are not well-formed are refused', (t) => {
  const tensor = { type: 'float32', dims: [1], data: new Uint8Array(4) };
  const wrong: unknown[] = [
    [],
    { version: 2, cases: [] },
    { version: 1, cases: {} },
    { version: 1, cases: [7] },
    { version: 1, cases: [{ inputs: {} }] },
    { version: 1, cases: [{ inputs: { a: { ...tensor, type: 'text' } }, outputs: {} }] },
    { version: 1, cases: [{ inputs: { a: { ...tensor, dims: [2] } }, outputs: {} }] },
    { version: 1, cases: [{ inputs: { a: { ...tensor, dims: [-1] } }, outputs: {} }] },
    { version: 1, cases: [{ inputs: { a: { ...tensor, data: 'abcd' } }, outputs: {} }] },
  ];
  for (const value of wrong)
    t.throws(() => decodeGolden(encode(value)), { code: 'ERR_INVALID_INPUT' }, JSON.stringify(value));
});

test('outputs are compared element by element, within the tolerance', (t) => {
  const compare = (got: number[], golden: number[], dims = [golden.length]) =>
    compareGolden(
      'm',
      { y: float32(Float32Array.from(got), [got.length]) },
      { y: float32(Float32Array.from(golden), dims) },
      0.1,
    );
  t.notThrows(() => compare([1, 2.05, NaN, Infinity], [1, 2, NaN, Infinity]));
  t.throws(() => compare([1, 2.2], [1, 2]), { code: 'ERR_GOLDEN_MISMATCH', message: /0\.2/ });
  t.throws(() => compare([NaN], [1]), { code: 'ERR_GOLDEN_MISMATCH' });
  t.throws(() => compare([1, 2], [1, 2], [1, 2]), { code: 'ERR_GOLDEN_MISMATCH' });
  t.throws(() => compareGolden('m', {}, { y: float32(new Float32Array(1), [1]) }, 1), {
    code: 'ERR_GOLDEN_MISMATCH',
  });
});
