import test from 'ava';
import {
  canonicalJson,
  chunkBytes,
  CHUNK_BYTES,
  compareVersions,
  decode,
  decodeChunkList,
  digestOf,
  encode,
  encodeChunkList,
  InvalidInputError,
  MessageTooLargeError,
  nearest,
  parseDigest,
  parseJson,
} from '../../core/index.ts';

test('canonical JSON is the same for the same value, whatever the order of its keys', (t) => {
  t.is(canonicalJson({ b: [1, { d: null, c: 'é' }], a: true }), '{"a":true,"b":[1,{"c":"é","d":null}]}');
  t.is(canonicalJson({ a: 1, b: undefined }), canonicalJson({ a: 1 }));
});

test('canonical JSON refuses what JSON cannot hold', (t) => {
  for (const value of [Number.NaN, Infinity, 1n, () => 1, undefined])
    t.throws(() => canonicalJson(value), { instanceOf: TypeError });
});

test('CBOR round trips bytes, texts, numbers and nesting', (t) => {
  const value = { a: [1, -2, 3.5], b: new Uint8Array([1, 2, 3]), c: { d: 'text', e: null, f: true } };
  t.deepEqual(decode(encode(value), 1000), value);
});

test('CBOR larger than its bound is refused before it is decoded', (t) => {
  t.throws(() => decode(new Uint8Array(11), 10), { instanceOf: MessageTooLargeError });
});

test('broken CBOR and JSON are input errors', (t) => {
  t.throws(() => decode(new Uint8Array([0xbf, 0x61]), 10), { instanceOf: InvalidInputError });
  t.throws(() => parseJson(new TextEncoder().encode('{"a":'), 10), { instanceOf: InvalidInputError });
  t.throws(() => parseJson(new Uint8Array([0xff, 0xfe]), 10), { instanceOf: InvalidInputError });
});

test('40 KB of nested CBOR arrays neither crash nor pass', (t) => {
  t.throws(() => decode(new Uint8Array(40_000).fill(0x81), 50_000), { instanceOf: InvalidInputError });
});

test('digests are SHA-256 and are checked for their form', (t) => {
  const digest = digestOf('abc');
  t.is(digest, 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  t.is(parseDigest(digest), digest);
  for (const bad of ['sha256:abc', digest.toUpperCase(), `${digest}0`, 7, undefined])
    t.throws(() => parseDigest(bad), { instanceOf: InvalidInputError });
});

test('a chunk list covers its blob without gaps and survives encoding', (t) => {
  const bytes = new Uint8Array(2 * CHUNK_BYTES + 5).map((_, i) => i % 251);
  const list = chunkBytes(bytes);
  t.deepEqual(
    list.chunks.map(({ offset, size }) => [offset, size]),
    [
      [0, CHUNK_BYTES],
      [CHUNK_BYTES, CHUNK_BYTES],
      [2 * CHUNK_BYTES, 5],
    ],
  );
  t.deepEqual(decodeChunkList(encodeChunkList(list), bytes.byteLength), list);
});

test('a chunk list that does not add up to its blob is refused', (t) => {
  const list = chunkBytes(new Uint8Array(10));
  t.throws(() => decodeChunkList(encodeChunkList(list), 11), { instanceOf: InvalidInputError });
});

test('versions are ordered as semantic versioning says', (t) => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ];
  t.deepEqual([...ordered].reverse().sort(compareVersions), ordered);
});

test('the nearest known word is offered for a typo, and none for something else', (t) => {
  t.is(nearest('publisher', ['publishers', 'peers', 'name']), 'publishers');
  t.is(nearest('zzzzzzzz', ['publishers', 'peers', 'name']), undefined);
});
