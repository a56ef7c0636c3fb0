import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChunkList, type Digest, digestOf, hexOf, MessageTooLargeError } from '../core/index.ts';
import type { BlobStore, ListedBlob, PartialBlob } from './blob-store.ts';
import { READ_ONLY_MODE } from './constants.ts';
import { BlobCorruptError, BlobNotFoundError } from './errors.ts';
import { cutBytes } from './cut/cut.ts';
import { completePartial } from './complete-partial.ts';
import { fillKnown, type KnownChunks } from './fill-known.ts';
import { MemoryPartial } from './memory-partial.ts';

/** The twin of `openBlobStore` that keeps everything in memory, until the process ends. */
export function memoryBlobStore(): BlobStore {
  return new MemoryBlobStore();
}

class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<Digest, Uint8Array>();
  readonly #open = new Map<Digest, MemoryPartial>();
  readonly #resting = new Map<Digest, MemoryPartial>();
  readonly #lists = new Map<Digest, ChunkList>();
  readonly #addedAt = new Map<Digest, number>();
  readonly #listeners = new Set<(digest: Digest) => void>();
  #folder: Promise<string> | undefined;

  async has(digest: Digest): Promise<boolean> {
    return this.#blobs.has(digest);
  }

  async size(digest: Digest): Promise<number> {
    return this.#get(digest).byteLength;
  }

  async read(digest: Digest, maxBytes: number): Promise<Uint8Array> {
    const bytes = this.#get(digest);
    if (bytes.byteLength > maxBytes)
      throw new MessageTooLargeError(`${digest}: ${bytes.byteLength} bytes where ${maxBytes} are allowed`);
    return bytes.slice();
  }

  async readRange(digest: Digest, offset: number, length: number): Promise<Uint8Array> {
    const bytes = this.#get(digest);
    if (offset < 0 || length < 0 || offset + length > bytes.byteLength)
      throw new RangeError(
        `${offset}+${length} is outside of ${digest}, which has ${bytes.byteLength} bytes`,
      );
    return bytes.slice(offset, offset + length);
  }

  /** A file is made when the first one asks, and removed when the process ends. */
  async path(digest: Digest): Promise<string> {
    const bytes = this.#get(digest);
    this.#folder ??= temporaryFolder();
    const path = join(await this.#folder, hexOf(digest));
    await writeFile(path, bytes, { mode: READ_ONLY_MODE, flag: 'wx' }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
    return path;
  }

  async useFile<T>(digest: Digest, work: (path: string) => Promise<T>): Promise<T> {
    return work(await this.path(digest));
  }

  async verify(digest: Digest): Promise<void> {
    this.#get(digest);
  }

  async put(bytes: Uint8Array, expected?: Digest): Promise<Digest> {
    const digest = digestOf(bytes);
    if (expected !== undefined && digest !== expected)
      throw new BlobCorruptError(`these bytes are ${digest}, not ${expected}`);
    this.#add(digest, bytes.slice());
    return digest;
  }

  async putStream(
    source: AsyncIterable<Uint8Array>,
    expected: { digest: Digest; size: number },
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    if (this.#blobs.has(expected.digest)) {
      await source[Symbol.asyncIterator]().return?.();
      return;
    }
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const bytes of source) {
      options.signal?.throwIfAborted();
      size += bytes.byteLength;
      if (size > expected.size)
        throw new BlobCorruptError(`more than the ${expected.size} bytes of ${expected.digest} came`);
      parts.push(bytes);
    }
    await this.put(Buffer.concat(parts), expected.digest);
  }

  async putAny(
    source: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ digest: Digest; size: number }> {
    const parts: Uint8Array[] = [];
    for await (const bytes of source) {
      options.signal?.throwIfAborted();
      parts.push(bytes);
    }
    const bytes = Buffer.concat(parts);
    return { digest: await this.put(bytes), size: bytes.byteLength };
  }

  async putFile(path: string): Promise<{ digest: Digest; size: number }> {
    const bytes = await readFile(path);
    return { digest: await this.put(bytes), size: bytes.byteLength };
  }

  async partial(digest: Digest, list: ChunkList): Promise<PartialBlob> {
    if (this.#blobs.has(digest)) return completePartial(this, digest, list);
    const known = this.#open.get(digest);
    if (known !== undefined) return known.share();
    const partial = new MemoryPartial(digest, list, {
      earlier: this.#resting.get(digest),
      readComplete: (offset, length) => this.readRange(digest, offset, length),
      onClosed: (bytes, resting) => {
        this.#open.delete(digest);
        if (resting !== undefined) this.#resting.set(digest, resting);
        if (bytes === undefined) return;
        this.#lists.set(digest, list);
        this.#add(digest, bytes);
      },
    });
    this.#resting.delete(digest);
    const others = [...this.#open.values()];
    this.#open.set(digest, partial);
    await fillKnown(partial, this.#knownChunks(others));
    return partial;
  }

  async cut(digest: Digest): Promise<ChunkList> {
    const list = this.#lists.get(digest) ?? (await cutBytes(this.#get(digest)));
    this.#lists.set(digest, list);
    return list;
  }

  /** Memory has no files: there is nothing to fold. */
  async fold(digest: Digest, onto: Digest): Promise<boolean> {
    this.#get(digest);
    this.#get(onto);
    return digest !== onto;
  }

  async *#knownChunks(open: readonly MemoryPartial[]): AsyncGenerator<KnownChunks> {
    for (const partial of open) yield { list: partial.list, read: (_, index) => partial.read(index) };
    for (const [digest, list] of this.#lists)
      yield { list, read: ({ offset, size }) => this.readRange(digest, offset, size) };
  }

  openPartial(digest: Digest): PartialBlob | undefined {
    return this.#open.get(digest);
  }

  async lastUsed(digest: Digest): Promise<number> {
    this.#get(digest);
    return this.#addedAt.get(digest) ?? 0;
  }

  async *list(): AsyncIterable<ListedBlob> {
    for (const [digest, { byteLength: size }] of [...this.#blobs]) yield { digest, size, takes: size };
  }

  async delete(digest: Digest): Promise<void> {
    this.#blobs.delete(digest);
    this.#addedAt.delete(digest);
    this.#lists.delete(digest);
    this.#resting.delete(digest);
  }

  onAdded(listener: (digest: Digest) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #get(digest: Digest): Uint8Array {
    const bytes = this.#blobs.get(digest);
    if (bytes === undefined) throw new BlobNotFoundError(`${digest} is not in the store`);
    return bytes;
  }

  #add(digest: Digest, bytes: Uint8Array): void {
    if (this.#blobs.has(digest)) return;
    this.#blobs.set(digest, bytes);
    this.#addedAt.set(digest, Date.now());
    for (const listener of this.#listeners) listener(digest);
  }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'floormesh-memory-blobs-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
