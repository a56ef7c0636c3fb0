import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, Digester, hexOf, InvalidInputError, isDigest } from '../core/index.ts';
import { ensureDir, sweepAbandoned, syncFolder } from './durable.ts';
import { type EncodingIndex, readIndex, type Segment } from './encoding/format.ts';
import { decodeSegment } from './encoding/segments.ts';
import { BlobCorruptError, BlobNotFoundError, systemCode } from './errors.ts';
import { readFileRange } from './file-digest.ts';

/** A blob as it is kept folded: what tells it from its base. */
export interface Folded extends EncodingIndex {
  digest: Digest;
  file: string;
  /** Bytes of the file. */
  takes: number;
}

/**
 * Blobs that are kept as encodings against others of the same store. They are read like any other, segment by segment.
 * A file each, named by the digest of the blob that it stands for, with all that is known about it inside: nothing else
 * is to be kept in step with it.
 */
export class FoldedBlobs {
  readonly #folder: string;
  readonly #readBlob: (digest: Digest, offset: number, length: number) => Promise<Uint8Array>;
  readonly #known = new Map<Digest, Folded>();
  #last: { digest: Digest; offset: number; bytes: Uint8Array } | undefined;

  constructor(
    folder: string,
    readBlob: (digest: Digest, offset: number, length: number) => Promise<Uint8Array>,
  ) {
    this.#folder = folder;
    this.#readBlob = readBlob;
  }

  async open(): Promise<void> {
    await ensureDir(this.#folder);
    await sweepAbandoned(this.#folder);
  }

  /** Undefined for a blob that is not kept so. What is broken counts as not there. */
  async get(digest: Digest): Promise<Folded | undefined> {
    const file = this.#place(digest);
    const info = await stat(file).catch(() => undefined);
    if (info === undefined) this.#known.delete(digest);
    if (info === undefined || this.#known.has(digest)) return this.#known.get(digest);
    const folded = await this.#load(digest, file, info.size);
    if (folded !== undefined) this.#known.set(digest, folded);
    return folded;
  }

  async #load(digest: Digest, file: string, size: number): Promise<Folded | undefined> {
    try {
      const index = await readIndex(size, (offset, length) => readFileRange(file, offset, length));
      return { ...index, digest, file, takes: size };
    } catch (error) {
      if (error instanceof InvalidInputError || systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async *all(): AsyncGenerator<Folded> {
    for (const name of await readdir(this.#folder)) {
      const digest = `sha256:${name}`;
      const folded = isDigest(digest) ? await this.get(digest) : undefined;
      if (folded !== undefined) yield folded;
    }
  }

  /** Those that are folded onto a blob. */
  async onto(base: Digest): Promise<Folded[]> {
    const found: Folded[] = [];
    for await (const folded of this.all()) if (folded.base === base) found.push(folded);
    return found;
  }

  /** How many are folded onto a blob one behind the other: what is read of the last goes through them all. */
  async depth(base: Digest): Promise<number> {
    const depths = await Promise.all((await this.onto(base)).map(({ digest }) => this.depth(digest)));
    return depths.length === 0 ? 0 : 1 + Math.max(...depths);
  }

  /** Part of a folded blob. @throws {RangeError} @throws {BlobCorruptError} when it can't be put together any more */
  async read(folded: Folded, offset: number, length: number): Promise<Uint8Array> {
    if (offset < 0 || length < 0 || offset + length > folded.size)
      throw new RangeError(`${offset}+${length} is outside of ${folded.digest} (${folded.size} bytes)`);
    const out = new Uint8Array(length);
    let [at, stored] = [0, 0];
    for (const segment of folded.segments) {
      if (at >= offset + length) break;
      if (at + segment.size > offset) {
        const bytes = await this.#segment(folded, segment, at, stored);
        const start = Math.max(offset, at);
        out.set(bytes.subarray(start - at, offset + length - at), start - offset);
      }
      at += segment.size;
      stored += segment.stored;
    }
    return out;
  }

  /** All of it, in order. */
  async *stream(folded: Folded): AsyncGenerator<Uint8Array> {
    let [at, stored] = [0, 0];
    for (const segment of folded.segments) {
      yield await this.#segment(folded, segment, at, stored);
      at += segment.size;
      stored += segment.stored;
    }
  }

  /** Whether it, or a file that is to take its place, gives the blob. */
  async verifies(digest: Digest, file = this.#place(digest)): Promise<boolean> {
    const digester = new Digester();
    try {
      const folded = await this.#load(digest, file, (await stat(file)).size);
      if (folded === undefined) return false;
      this.#last = undefined;
      for await (const bytes of this.stream(folded)) digester.update(bytes);
    } catch (error) {
      if (error instanceof BlobCorruptError) return false;
      throw error;
    }
    return digester.digest() === digest;
  }

  /** Gives a file with an encoding its place. */
  async adopt(temporary: string, digest: Digest): Promise<void> {
    await rename(temporary, this.#place(digest));
    await syncFolder(this.#folder);
    this.#known.delete(digest);
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.#place(digest), { force: true });
    this.#known.delete(digest);
    if (this.#last?.digest === digest) this.#last = undefined;
  }

  #place(digest: Digest): string {
    return join(this.#folder, hexOf(digest));
  }

  /** The last one is kept: chunks that follow each other lie in one segment. */
  async #segment(folded: Folded, segment: Segment, at: number, stored: number): Promise<Uint8Array> {
    const last = this.#last;
    if (last?.digest === folded.digest && last.offset === at) return last.bytes;
    try {
      const body = await readFileRange(folded.file, stored, segment.stored);
      const { baseOffset, baseLength } = segment;
      const old =
        folded.base === undefined || baseLength === 0
          ? new Uint8Array()
          : await this.#readBlob(folded.base, baseOffset, baseLength);
      const bytes = await decodeSegment(segment, body, old);
      this.#last = { digest: folded.digest, offset: at, bytes };
      return bytes;
    } catch (cause) {
      const lost = cause instanceof InvalidInputError || cause instanceof BlobNotFoundError;
      if (!lost && !(cause instanceof RangeError)) throw cause;
      throw new BlobCorruptError(`${folded.digest} can not be put together any more`, { cause });
    }
  }
}
