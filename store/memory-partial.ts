import { type ChunkList, type Digest, digestOf } from '../core/index.ts';
import type { PartialBlob } from './blob-store.ts';
import { BlobCorruptError, BlobNotFoundError } from './errors.ts';

/** What a partial blob in memory needs of its store. */
export interface MemoryPartialHome {
  /** An earlier try, closed unfinished. */
  earlier: MemoryPartial | undefined;
  readComplete(offset: number, length: number): Promise<Uint8Array>;
  /** With the bytes of the whole when it was committed, or with itself when it is kept for another try. */
  onClosed(bytes: Uint8Array | undefined, resting: MemoryPartial | undefined): void;
}

/** A blob on its way, in memory. */
export class MemoryPartial implements PartialBlob {
  readonly digest: Digest;
  readonly list: ChunkList;
  readonly #home: MemoryPartialHome;
  readonly #chunks: (Uint8Array | undefined)[];
  #users = 1;
  #state: 'open' | 'closed' | 'committed' = 'open';

  constructor(digest: Digest, list: ChunkList, home: MemoryPartialHome) {
    this.digest = digest;
    this.list = list;
    this.#home = home;
    this.#chunks = list.chunks.map((chunk) => home.earlier?.kept(chunk.digest));
  }

  /** What it has with that digest, whatever the list that it was opened with. */
  kept(digest: Digest): Uint8Array | undefined {
    return this.#chunks.find((bytes) => bytes !== undefined && digestOf(bytes) === digest);
  }

  /** One more user, who will close it as well. */
  share(): this {
    this.#users += 1;
    return this;
  }

  has(index: number): boolean {
    return this.#state === 'committed' || this.#chunks[index] !== undefined;
  }

  missing(): number[] {
    return this.list.chunks.flatMap((_, index) => (this.has(index) ? [] : [index]));
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    const chunk = this.list.chunks[index];
    if (chunk === undefined) throw new RangeError(`${this.digest} has no chunk ${index}`);
    if (this.has(index)) return;
    if (digestOf(bytes) !== chunk.digest || bytes.byteLength !== chunk.size)
      throw new BlobCorruptError(`these bytes are not chunk ${index} of ${this.digest}`);
    if (this.#state !== 'open') throw new TypeError(`the partial blob ${this.digest} is closed`);
    this.#chunks[index] = bytes.slice();
  }

  async read(index: number): Promise<Uint8Array> {
    const chunk = this.list.chunks[index];
    if (chunk === undefined) throw new RangeError(`${this.digest} has no chunk ${index}`);
    if (this.#state === 'committed') return this.#home.readComplete(chunk.offset, chunk.size);
    const bytes = this.#chunks[index];
    if (bytes === undefined || this.#state === 'closed')
      throw new BlobNotFoundError(`chunk ${index} of ${this.digest} is still to come`);
    return bytes.slice();
  }

  async commit(): Promise<void> {
    if (this.#state === 'committed') return;
    const left = this.missing().length;
    if (left > 0) throw new BlobCorruptError(`${left} chunks of ${this.digest} are still to come`);
    const bytes = Buffer.concat(this.#chunks.filter((part) => part !== undefined));
    this.#chunks.fill(undefined);
    const whole = digestOf(bytes) === this.digest;
    this.#state = whole ? 'committed' : 'closed';
    this.#home.onClosed(whole ? bytes : undefined, undefined);
    if (!whole) throw new BlobCorruptError(`the chunks of ${this.digest} add up to something else`);
  }

  async close(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0 || this.#state !== 'open') return;
    this.#state = 'closed';
    this.#home.onClosed(undefined, this);
  }
}
