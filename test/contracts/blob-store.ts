import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { type ChunkList, type Digest, digestOf, singleChunk } from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
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
  for await (const blob of store.list()) found.push(blob);
  return found;
}
