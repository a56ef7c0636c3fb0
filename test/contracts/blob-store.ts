import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { type ChunkList, type Digest, digestOf, singleChunk } from '../../core/index.ts';
import { type BlobStore, pruneBlobs } from '../../store/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** What every blob store does, whatever it keeps blobs in. */
export function blobStoreContract(
  test: TestFn,
  name: string,
  open: (t: ExecutionContext) => Promise<BlobStore>,
): void {
  const bytes = new TextEncoder().encode('labels to read: LOT 2025-C4711');
  const digest = digestOf(bytes);

  test(`${name}: what was put is there, whole and in parts`, async (t) => {
    const store = await open(t);
    t.is(await store.put(bytes), digest);
    t.true(await store.has(digest));
    t.is(await store.size(digest), bytes.byteLength);
    t.deepEqual(Uint8Array.from(await store.read(digest, 1000)), bytes);
    t.deepEqual(Uint8Array.from(await store.readRange(digest, 7, 2)), bytes.subarray(7, 9));
    t.deepEqual(Uint8Array.from(await readFile(await store.path(digest))), bytes);
    await t.notThrowsAsync(store.verify(digest));
  });

  test(`${name}: an empty blob is a blob`, async (t) => {
    const store = await open(t);
    const empty = await store.put(new Uint8Array());
    t.is(await store.size(empty), 0);
    t.is((await store.read(empty, 0)).byteLength, 0);
    const partial = await store.partial(digestOf(''), singleChunk(digestOf(''), 0));
    t.deepEqual(partial.missing(), []);
    await partial.close();
  });

  test(`${name}: what is not there is said to be not there`, async (t) => {
    const store = await open(t);
    t.false(await store.has(digest));
    const calls = [
      store.size(digest),
      store.read(digest, 10),
      store.readRange(digest, 0, 1),
      store.path(digest),
      store.verify(digest),
    ];
    for (const call of calls) await t.throwsAsync(call, { code: 'ERR_BLOB_NOT_FOUND' });
    t.is(store.openPartial(digest), undefined);
    await t.notThrowsAsync(store.delete(digest));
  });

  test(`${name}: reads are bounded`, async (t) => {
    const store = await open(t);
    await store.put(bytes);
    await t.throwsAsync(store.read(digest, bytes.byteLength - 1), { code: 'ERR_MESSAGE_TOO_LARGE' });
    await t.throwsAsync(store.readRange(digest, 0, bytes.byteLength + 1), { instanceOf: RangeError });
    await t.throwsAsync(store.readRange(digest, -1, 2), { instanceOf: RangeError });
  });

  test(`${name}: bytes with another digest than expected are not kept`, async (t) => {
    const store = await open(t);
    await t.throwsAsync(store.put(bytes, digestOf('else')), { code: 'ERR_BLOB_CORRUPT' });
    const size = bytes.byteLength;
    const wrong: [AsyncIterable<Uint8Array>, number][] = [
      [streamOf([new Uint8Array(size)]), size],
      [streamOf([bytes.subarray(0, 5)]), size],
      [streamOf([bytes, bytes]), size],
      [streamOf([bytes]), size - 1],
    ];
    for (const [source, announced] of wrong)
      await t.throwsAsync(store.putStream(source, { digest, size: announced }), { code: 'ERR_BLOB_CORRUPT' });
    t.false(await store.has(digest));
    t.deepEqual(await all(store), []);
  });

  test(`${name}: a stream is kept once, and ended when its content is known already`, async (t) => {
    const store = await open(t);
    const expected = { digest, size: bytes.byteLength };
    await store.putStream(streamOf([bytes.subarray(0, 3), bytes.subarray(3)]), expected);
    t.deepEqual(Uint8Array.from(await store.read(digest, 1000)), bytes);
    let ended = false;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('nobody should read this')),
        return: async () => {
          ended = true;
          return { done: true as const, value: undefined };
        },
      }),
    };
    await store.putStream(source, expected);
    t.true(ended);
  });

  test(`${name}: an aborted stream leaves nothing`, async (t) => {
    const store = await open(t);
    const controller = new AbortController();
    const source = (async function* () {
      yield bytes.subarray(0, 3);
      controller.abort();
      yield bytes.subarray(3);
    })();
    const put = store.putStream(source, { digest, size: bytes.byteLength }, { signal: controller.signal });
    await t.throwsAsync(put, { name: 'AbortError' });
    t.false(await store.has(digest));
  });

  test(`${name}: a file's content is copied`, async (t) => {
    const store = await open(t);
    const file = join(await temporaryFolder(t), 'a');
    await writeFile(file, bytes);
    t.deepEqual(await store.putFile(file), { digest, size: bytes.byteLength });
    await writeFile(file, 'changed afterwards');
    t.deepEqual(Uint8Array.from(await store.read(digest, 1000)), bytes);
  });

  test(`${name}: lists and deletes`, async (t) => {
    const store = await open(t);
    const other = await store.put(new Uint8Array(10));
    await store.put(bytes);
    const sizes = new Map((await all(store)).map((blob) => [blob.digest, blob.size]));
    t.deepEqual(
      sizes,
      new Map<Digest, number>([
        [other, 10],
        [digest, bytes.byteLength],
      ]),
    );
    await store.delete(other);
    t.deepEqual(
      (await all(store)).map((blob) => blob.digest),
      [digest],
    );
  });

  test(`${name}: tells of every blob that is new, once`, async (t) => {
    const store = await open(t);
    const told: Digest[] = [];
    const end = store.onAdded((added) => told.push(added));
    await store.put(bytes);
    await store.put(bytes);
    const { blob, list } = chunked();
    await fill(store, blob, list);
    end();
    await store.put(new Uint8Array(3));
    t.deepEqual(told, [digest, digestOf(blob)]);
  });

  test(`${name}: a blob comes in chunks, in any order`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    const partial = await store.partial(digestOf(blob), list);
    t.deepEqual(partial.missing(), [0, 1, 2]);
    await partial.write(2, part(2));
    t.deepEqual(partial.missing(), [0, 1]);
    t.true(partial.has(2));
    t.deepEqual(Uint8Array.from(await partial.read(2)), part(2));
    await t.throwsAsync(partial.read(0), { code: 'ERR_BLOB_NOT_FOUND' });
    await t.throwsAsync(partial.commit(), { code: 'ERR_BLOB_CORRUPT' });
    t.false(await store.has(digestOf(blob)));
    await partial.write(0, part(0));
    await partial.write(1, part(1));
    await partial.commit();
    t.is(store.openPartial(digestOf(blob)), undefined);
    t.deepEqual(Uint8Array.from(await store.read(digestOf(blob), 1000)), blob);
  });

  test(`${name}: a chunk that is not the chunk is refused, and may come again`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    const partial = await store.partial(digestOf(blob), list);
    await t.throwsAsync(partial.write(0, part(1)), { code: 'ERR_BLOB_CORRUPT' });
    await t.throwsAsync(partial.write(0, part(0).subarray(1)), { code: 'ERR_BLOB_CORRUPT' });
    await t.throwsAsync(partial.write(7, part(0)), { instanceOf: RangeError });
    t.deepEqual(partial.missing(), [0, 1, 2]);
    await partial.write(0, part(0));
    t.true(partial.has(0));
    await partial.close();
  });

  test(`${name}: a chunk list that lies is found out at the end, and all of it thrown away`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    const wanted = digestOf('something else');
    const partial = await store.partial(wanted, list);
    for (const index of partial.missing()) await partial.write(index, part(index));
    await t.throwsAsync(partial.commit(), { code: 'ERR_BLOB_CORRUPT' });
    t.false(await store.has(wanted));
    t.is(store.openPartial(wanted), undefined);
    const again = await store.partial(wanted, list);
    t.deepEqual(again.missing(), [0, 1, 2]);
    await again.close();
    t.false(await store.has(digestOf(blob)));
  });

  test(`${name}: a partial blob that was closed goes on where it was`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    const first = await store.partial(digestOf(blob), list);
    await first.write(1, part(1));
    await first.close();
    t.is(store.openPartial(digestOf(blob)), undefined);
    await t.throwsAsync(first.write(0, part(0)), { instanceOf: TypeError });
    const second = await store.partial(digestOf(blob), list);
    t.deepEqual(second.missing(), [0, 2]);
    await second.close();
    await store.delete(digestOf(blob));
    const third = await store.partial(digestOf(blob), list);
    t.deepEqual(third.missing(), [0, 1, 2]);
    await third.close();
  });

  test(`${name}: all who want one blob at a time share one partial`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    const opened = await Promise.all([1, 2, 3].map(() => store.partial(digestOf(blob), list)));
    const [a, b, c] = opened;
    t.true(a !== undefined && a === b && b === c && store.openPartial(digestOf(blob)) === a);
    await a?.close();
    await b?.write(0, part(0));
    await b?.close();
    t.is(store.openPartial(digestOf(blob)), c);
    for (const index of c?.missing() ?? []) await c?.write(index, part(index));
    await Promise.all([c?.commit(), a?.commit()]);
    t.true(await store.has(digestOf(blob)));
    t.deepEqual(Uint8Array.from((await c?.read(1)) ?? []), part(1), 'late readers still get their chunk');
    await c?.close();
    t.true(await store.has(digestOf(blob)));
  });

  test(`${name}: a stream of unknown content is kept under its digest`, async (t) => {
    const store = await open(t);
    const kept = await store.putAny(streamOf([bytes.subarray(0, 4), bytes.subarray(4)]));
    t.deepEqual(kept, { digest, size: bytes.byteLength });
    t.deepEqual(Uint8Array.from(await store.read(digest, 1000)), bytes);
    const failing = (async function* () {
      yield bytes;
      throw new TypeError('the source broke');
    })();
    await t.throwsAsync(store.putAny(failing), { message: 'the source broke' });
  });

  test(`${name}: chunks that another blob has are not wanted again`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    await fill(store, blob, list);
    const later = Uint8Array.from([...part(1), 99, 98, ...part(0), ...part(1)]);
    const sizes = [10, 2, 10, 10];
    const partial = await store.partial(digestOf(later), listOf(later, sizes));
    t.deepEqual(partial.missing(), [1], 'a chunk that comes twice is there twice');
    await partial.write(1, later.subarray(10, 12));
    await partial.commit();
    t.deepEqual(Uint8Array.from(await store.read(digestOf(later), 100)), later);
  });

  test(`${name}: chunks that a blob on its way has count too`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    const first = await store.partial(digestOf(blob), list);
    await first.write(1, part(1));
    const later = Uint8Array.from([99, ...part(1), ...part(0)]);
    const second = await store.partial(digestOf(later), listOf(later, [1, 10, 10]));
    t.deepEqual(second.missing(), [0, 2]);
    await second.close();
    await first.close();
  });

  test(`${name}: a blob that was put whole is cut, the same way every time`, async (t) => {
    const store = await open(t);
    const blob = noise(1, 1_000_000);
    const whole = await store.put(blob);
    const list = await store.cut(whole);
    t.is(list.size, blob.byteLength);
    t.true(list.chunks.length > 3);
    for (const { offset, size, digest: chunk } of list.chunks)
      t.is(digestOf(blob.subarray(offset, offset + size)), chunk);
    t.deepEqual(await store.cut(whole), list);
    const later = Uint8Array.from([...blob.subarray(0, 500_000), 1, 2, 3, ...blob.subarray(500_000)]);
    const other = await open(t);
    const laterList = await other.cut(await other.put(later));
    const partial = await store.partial(digestOf(later), laterList);
    const missing = partial.missing().reduce((sum, index) => sum + (laterList.chunks[index]?.size ?? 0), 0);
    t.true(missing < 600_000, `${missing} bytes would be fetched`);
    await partial.close();
    await t.throwsAsync(store.cut(digest), { code: 'ERR_BLOB_NOT_FOUND' });
  });

  test(`${name}: a folded blob is read like any other, and is a file when one is asked for`, async (t) => {
    const store = await open(t);
    const [older, newer] = [noise(1, 3_000_000), noise(1, 3_000_000)];
    newer.set(noise(2, 1000), 1_700_000);
    const [old, base] = [await store.put(older), await store.put(newer)];
    t.true(await store.fold(old, base));
    t.true(await store.has(old));
    t.is(await store.size(old), older.byteLength);
    await t.notThrowsAsync(store.verify(old));
    t.true(same(await store.read(old, 3_000_000), older));
    for (const [offset, length] of [
      [0, 10],
      [1_699_990, 1020],
      [2_999_999, 1],
      [1_048_570, 20],
    ] as const)
      t.deepEqual(
        Uint8Array.from(await store.readRange(old, offset, length)),
        older.slice(offset, offset + length),
      );
    await t.throwsAsync(store.readRange(old, 2_999_999, 2), { instanceOf: RangeError });
    t.is((await all(store)).length, 2);
    t.true(same(await store.useFile(old, (path) => readFile(path)), older));
    t.true(same(await readFile(await store.path(old)), older));
    await t.throwsAsync(store.fold(digest, base), { code: 'ERR_BLOB_NOT_FOUND' });
    t.false(await store.fold(base, base));
  });

  test(`${name}: what a blob is folded onto can be deleted, and so can the folded one`, async (t) => {
    const store = await open(t);
    const [older, newer] = [noise(1, 300_000), noise(1, 300_000)];
    newer[5] = 0;
    const [old, base] = [await store.put(older), await store.put(newer)];
    t.true(await store.fold(old, base));
    await store.delete(base);
    t.false(await store.has(base));
    t.true(same(await store.read(old, 300_000), older));
    t.is(await store.put(newer), base);
    t.true(await store.fold(old, base));
    await store.delete(old);
    t.false(await store.has(old));
    t.is((await all(store)).length, 1);
  });

  test(`${name}: what nobody needs and nobody used lately is pruned, and nothing else`, async (t) => {
    const store = await open(t);
    const before = Date.now();
    const [kept, old] = [await store.put(noise(1, 1000)), await store.put(noise(2, 500))];
    const since = await store.lastUsed(old);
    // A file system may count in whole seconds.
    t.true(since > before - 2000 && since <= Date.now() + 1000);
    const signal = AbortSignal.timeout(10_000);
    const options = { kept: new Set([kept]), unusedForMs: 60_000, signal };
    t.deepEqual(await pruneBlobs(store, { ...options, now: since + 59_000 }), { blobs: 0, bytes: 0 });
    t.deepEqual(await pruneBlobs(store, { ...options, now: since + 61_000 }), { blobs: 1, bytes: 500 });
    t.deepEqual(await all(store), [{ digest: kept, size: 1000 }]);
    await t.throwsAsync(store.lastUsed(old), { code: 'ERR_BLOB_NOT_FOUND' });
    // What is known to be of no more use goes at once, unless it is kept for something else.
    const again = await store.put(noise(2, 500));
    const dropped = new Set([kept, again]);
    t.deepEqual(await pruneBlobs(store, { ...options, dropped, now: Date.now() }), { blobs: 1, bytes: 500 });
    t.true(await store.has(kept));
  });

  test(`${name}: a partial of a complete blob has everything`, async (t) => {
    const store = await open(t);
    const { blob, list, part } = chunked();
    await store.put(blob);
    const partial = await store.partial(digestOf(blob), list);
    t.deepEqual(partial.missing(), []);
    t.deepEqual(Uint8Array.from(await partial.read(1)), part(1));
    await partial.write(1, part(1));
    await partial.commit();
    await partial.close();
    t.true(await store.has(digestOf(blob)));
  });
}

/** A blob of 25 bytes in chunks of 10. */
export function chunked(): { blob: Uint8Array; list: ChunkList; part: (index: number) => Uint8Array } {
  const blob = Uint8Array.from({ length: 25 }, (_, i) => i + 1);
  const part = (index: number): Uint8Array => blob.subarray(index * 10, index * 10 + 10);
  const chunks = [0, 1, 2].map((index) => ({
    offset: index * 10,
    size: part(index).byteLength,
    digest: digestOf(part(index)),
  }));
  return { blob, list: { size: 25, chunks }, part };
}

/** A list of chunks of those sizes. */
function listOf(blob: Uint8Array, sizes: readonly number[]): ChunkList {
  let offset = 0;
  const chunks = sizes.map((size) => {
    const chunk = { offset, size, digest: digestOf(blob.subarray(offset, offset + size)) };
    offset += size;
    return chunk;
  });
  return { size: blob.byteLength, chunks };
}

/** Bytes without any order, the same for the same seed (xorshift32). */
export function noise(seed: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let x = seed * 0x9e3779b9 + 1;
  for (let i = 0; i < size; i += 1) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return bytes;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

async function fill(store: BlobStore, blob: Uint8Array, list: ChunkList): Promise<void> {
  const partial = await store.partial(digestOf(blob), list);
  for (const index of partial.missing()) {
    const chunk = list.chunks[index];
    if (chunk !== undefined)
      await partial.write(index, blob.subarray(chunk.offset, chunk.offset + chunk.size));
  }
  await partial.commit();
}

async function* streamOf(parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function all(store: BlobStore): Promise<{ digest: Digest; size: number }[]> {
  const found: { digest: Digest; size: number }[] = [];
  for await (const { digest, size } of store.list()) found.push({ digest, size });
  return found;
}
