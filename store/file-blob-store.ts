import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type ChunkList,
  Digester,
  type Digest,
  digestOf,
  hexOf,
  isDigest,
  MessageTooLargeError,
} from '../core/index.ts';
import type { BlobStore, PartialBlob } from './blob-store.ts';
import { completePartial } from './complete-partial.ts';
import { BLOCK_BYTES, PARTIAL_KEEP_MS, READ_ONLY_MODE } from './constants.ts';
import { ensureDir, sweepAbandoned, syncFolder } from './durable.ts';
import { BlobCorruptError, BlobNotFoundError, DiskFullError, storageError, systemCode } from './errors.ts';
import { digestOfFile, readAt, writeAt } from './file-digest.ts';
import { type FilePartial, openFilePartial, RESTING_SUFFIX } from './file-partial.ts';
import { ownerMark } from './owner.ts';

const TEMPORARY_PREFIX = 'tmp';

/**
 * Blobs as files: `dir/blobs/sha256/<hex>`, the place that an OCI image layout has for them, and what is being written
 * in `dir/partial/`. Several processes may use one folder at a time.
 */
export async function openBlobStore(dir: string): Promise<BlobStore> {
  const blobs = join(dir, 'blobs', 'sha256');
  const partial = join(dir, 'partial');
  await ensureDir(blobs);
  await ensureDir(partial);
  await sweepAbandoned(partial, TEMPORARY_PREFIX);
  await sweepOldPartials(partial);
  return new FileBlobStore(blobs, partial);
}

async function sweepOldPartials(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(RESTING_SUFFIX)) continue;
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > PARTIAL_KEEP_MS) await rm(path, { force: true });
  }
}

class FileBlobStore implements BlobStore {
  readonly #blobs: string;
  readonly #partial: string;
  readonly #open = new Map<Digest, FilePartial>();
  readonly #opening = new Map<Digest, Promise<PartialBlob>>();
  readonly #listeners = new Set<(digest: Digest) => void>();

  constructor(blobs: string, partial: string) {
    this.#blobs = blobs;
    this.#partial = partial;
  }

  async has(digest: Digest): Promise<boolean> {
    const info = await stat(this.#place(digest)).catch(() => undefined);
    return info?.isFile() === true;
  }

  async size(digest: Digest): Promise<number> {
    try {
      return (await stat(this.#place(digest))).size;
    } catch (error) {
      throw notFound(digest, error);
    }
  }

  async read(digest: Digest, maxBytes: number): Promise<Uint8Array> {
    const size = await this.size(digest);
    if (size > maxBytes)
      throw new MessageTooLargeError(`${digest}: ${size} bytes where ${maxBytes} are allowed`);
    const bytes = await this.readRange(digest, 0, size);
    if (digestOf(bytes) !== digest) await this.#dropCorrupt(digest);
    return bytes;
  }

  async readRange(digest: Digest, offset: number, length: number): Promise<Uint8Array> {
    try {
      const handle = await open(this.#place(digest), 'r');
      try {
        const { size } = await handle.stat();
        if (offset < 0 || length < 0 || offset + length > size)
          throw new RangeError(`${offset}+${length} is outside of ${digest}, which has ${size} bytes`);
        return await readAt(handle, offset, length);
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw notFound(digest, error);
    }
  }

  async path(digest: Digest): Promise<string> {
    if (!(await this.has(digest))) throw new BlobNotFoundError(`${digest} is not in the store`);
    return this.#place(digest);
  }

  async verify(digest: Digest): Promise<void> {
    try {
      const found = await digestOfFile(this.#place(digest));
      if (found.digest !== digest) await this.#dropCorrupt(digest);
    } catch (error) {
      throw notFound(digest, error);
    }
  }

  async put(bytes: Uint8Array, expected?: Digest): Promise<Digest> {
    const digest = digestOf(bytes);
    if (expected !== undefined && digest !== expected)
      throw new BlobCorruptError(`these bytes are ${digest}, not ${expected}`);
    if (!(await this.has(digest))) await this.#write([bytes], { digest, size: bytes.byteLength });
    return digest;
  }

  async putStream(
    source: AsyncIterable<Uint8Array>,
    expected: { digest: Digest; size: number },
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    if (await this.has(expected.digest)) {
      await source[Symbol.asyncIterator]().return?.();
      return;
    }
    await this.#write(source, expected, options.signal);
  }

  async putFile(path: string): Promise<{ digest: Digest; size: number }> {
    // Hashing first costs one more read, and saves the copy where the content is known already.
    const found = await digestOfFile(path);
    if (!(await this.has(found.digest)))
      await this.#write(createReadStream(path, { highWaterMark: BLOCK_BYTES }), found);
    return found;
  }

  async partial(digest: Digest, list: ChunkList): Promise<PartialBlob> {
    for (;;) {
      const opening = this.#opening.get(digest);
      if (opening !== undefined) await opening.catch(() => {});
      const known = this.#open.get(digest);
      if (known === undefined && this.#opening.has(digest)) continue;
      if (known === undefined) break;
      if (known.share()) return known;
      await known.closed;
    }
    const opening = this.#openPartial(digest, list).finally(() => this.#opening.delete(digest));
    this.#opening.set(digest, opening);
    return opening;
  }

  openPartial(digest: Digest): PartialBlob | undefined {
    return this.#open.get(digest);
  }

  async *list(): AsyncIterable<{ digest: Digest; size: number }> {
    for (const name of await readdir(this.#blobs)) {
      const digest = `sha256:${name}`;
      const info = isDigest(digest) ? await stat(join(this.#blobs, name)).catch(() => undefined) : undefined;
      if (isDigest(digest) && info?.isFile() === true) yield { digest, size: info.size };
    }
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.#place(digest), { force: true });
    await rm(join(this.#partial, `${hexOf(digest)}${RESTING_SUFFIX}`), { force: true });
  }

  onAdded(listener: (digest: Digest) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #place(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  async #write(
    source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    expected: { digest: Digest; size: number },
    signal?: AbortSignal,
  ): Promise<void> {
    const temporary = join(this.#partial, `${TEMPORARY_PREFIX}${ownerMark()}`);
    try {
      signal?.throwIfAborted();
      await this.#checkRoom(expected.size);
      const handle = await open(temporary, 'wx', READ_ONLY_MODE);
      try {
        const digester = new Digester();
        let size = 0;
        for await (const bytes of source) {
          signal?.throwIfAborted();
          if (size + bytes.byteLength > expected.size)
            throw new BlobCorruptError(`more than the ${expected.size} bytes of ${expected.digest} came`);
          digester.update(bytes);
          await writeAt(handle, size, bytes);
          size += bytes.byteLength;
        }
        const digest = digester.digest();
        if (digest !== expected.digest) throw new BlobCorruptError(`${digest} came, not ${expected.digest}`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.#place(expected.digest));
      await syncFolder(this.#blobs);
    } catch (error) {
      await rm(temporary, { force: true });
      throw storageError(error);
    }
    this.#tell(expected.digest);
  }

  async #checkRoom(size: number): Promise<void> {
    const room = await statfs(this.#partial);
    if (room.blocks > 0 && size > room.bavail * room.bsize)
      throw new DiskFullError(`${size} bytes are to come, and ${room.bavail * room.bsize} are free`);
  }

  async #openPartial(digest: Digest, list: ChunkList): Promise<PartialBlob> {
    if (await this.has(digest)) return completePartial(this, digest, list);
    const partial = await openFilePartial(digest, list, {
      folder: this.#partial,
      target: this.#place(digest),
      readComplete: (offset, length) => this.readRange(digest, offset, length),
      onClosed: (committed) => {
        this.#open.delete(digest);
        if (committed) this.#tell(digest);
      },
    });
    this.#open.set(digest, partial);
    return partial;
  }

  #tell(digest: Digest): void {
    for (const listener of this.#listeners) listener(digest);
  }

  async #dropCorrupt(digest: Digest): Promise<never> {
    await rm(this.#place(digest), { force: true });
    await syncFolder(dirname(this.#place(digest)));
    throw new BlobCorruptError(`what the disk had for ${digest} is something else now`);
  }
}

function notFound(digest: Digest, error: unknown): unknown {
  return systemCode(error) === 'ENOENT'
    ? new BlobNotFoundError(`${digest} is not in the store`, { cause: error })
    : error;
}
