import type { ChunkList, Digest } from '../core/index.ts';

/** Content by digest. What `has` says yes to is complete, verified and on disk. */
export interface BlobStore {
  has(digest: Digest): Promise<boolean>;
  /** Bytes of a blob. @throws {BlobNotFoundError} */
  size(digest: Digest): Promise<number>;
  /**
   * A whole blob in memory, verified once more. @throws {BlobNotFoundError} @throws {MessageTooLargeError} above
   * `maxBytes`; @throws {BlobCorruptError} when the disk has changed it, and the store forgets it
   */
  read(digest: Digest, maxBytes: number): Promise<Uint8Array>;
  /**
   * Part of a blob, as it is.
   *
   * @param into room of that length, which may be what is returned @throws {BlobNotFoundError}
   * @throws {RangeError} outside the blob
   */
  readRange(digest: Digest, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** The file that holds a blob, for readers only. It stays for an hour at least. @throws {BlobNotFoundError} */
  path(digest: Digest): Promise<string>;
  /** Gives the file that holds a blob to some work, for as long as that takes. @throws {BlobNotFoundError} */
  useFile<T>(digest: Digest, work: (path: string) => Promise<T>): Promise<T>;
  /**
   * Verifies what is on disk. @throws {BlobNotFoundError} @throws {BlobCorruptError} when the disk has changed it, and
   * the store forgets it, so that it can be fetched anew
   */
  verify(digest: Digest): Promise<void>;
  /** Keeps bytes. With `expected`, @throws {BlobCorruptError} when they are something else; @throws {DiskFullError} */
  put(bytes: Uint8Array, expected?: Digest): Promise<Digest>;
  /** Keeps what a stream gives. @throws {BlobCorruptError} @throws {DiskFullError} */
  putStream(
    source: AsyncIterable<Uint8Array>,
    expected: { digest: Digest; size: number },
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /** Keeps what a stream gives, whatever it is. @throws {DiskFullError} @throws the signal's reason */
  putAny(
    source: AsyncIterable<Uint8Array>,
    options?: { signal?: AbortSignal },
  ): Promise<{ digest: Digest; size: number }>;
  /** Keeps a file's content by copying it. @throws {DiskFullError} */
  putFile(path: string): Promise<{ digest: Digest; size: number }>;
  /**
   * Opens a blob that comes in chunks. What an earlier try has already written, and still verifies, counts. Opening
   * the same blob twice at a time gives the same object (with the first one's list), to be closed as often as it was
   * opened. Of a blob that is complete all chunks are there. Chunks that other blobs here have (those that were cut, or
   * came in chunks, or are open now) are copied, and count too. @throws {DiskFullError} when there is no room for it
   */
  partial(digest: Digest, list: ChunkList): Promise<PartialBlob>;
  /** The partial blob of that digest if it is open now: a peer may have its chunks. */
  openPartial(digest: Digest): PartialBlob | undefined;
  /**
   * How a complete blob is cut: by the list that it came with, or else at its tensors or its content, the same for the
   * same bytes everywhere. From then on its chunks are found by other blobs. @throws {BlobNotFoundError}
   */
  cut(digest: Digest): Promise<ChunkList>;
  /**
   * Keeps a blob that is not needed as a file for now as what tells it from another complete one, so that the bytes
   * that they share are on disk once. It is read and served as before; `path` makes it a file again, and deleting the
   * other one loses nothing. A blob that an installed tree has, or that somebody was given as a file lately, stays; so
   * does one that would hardly get smaller.
   *
   * @returns whether it is folded now @throws {BlobNotFoundError} @throws {DiskFullError}
   */
  fold(digest: Digest, onto: Digest, options?: { signal?: AbortSignal }): Promise<boolean>;
  /**
   * When a blob came, or was last given to somebody as a file, in milliseconds since 1970; now, while somebody has it.
   * @throws {BlobNotFoundError}
   */
  lastUsed(digest: Digest): Promise<number>;
  /** All complete blobs, the folded ones first, with the bytes that each has and those that it takes here. */
  list(): AsyncIterable<ListedBlob>;
  /**
   * Forgets a blob, and what is there of a partial one that is not open. Nothing to do is no error. Blobs that are
   * folded onto it become files first. @throws {DiskFullError} when there is no room for that
   */
  delete(digest: Digest): Promise<void>;
  /** Calls back for every blob that was completed. Returns what ends it. */
  onAdded(listener: (digest: Digest) => void): () => void;
}

export interface ListedBlob {
  digest: Digest;
  size: number;
  /** Fewer than `size` where it is folded. */
  takes: number;
}

/** A blob on its way, chunk by chunk. */
export interface PartialBlob {
  readonly digest: Digest;
  readonly list: ChunkList;
  has(index: number): boolean;
  /** Indices that are still to come. */
  missing(): number[];
  /** Verifies a chunk and writes it. @throws {BlobCorruptError} when it is not that chunk; @throws {DiskFullError} */
  write(index: number, bytes: Uint8Array): Promise<void>;
  /** @param into as with `BlobStore.readRange` @throws {BlobNotFoundError} for a chunk that is not there yet */
  read(index: number, into?: Uint8Array): Promise<Uint8Array>;
  /**
   * Verifies the whole, makes it durable and gives it its name; afterwards `read` goes on working. @throws
   * {BlobCorruptError} when chunks are missing; or when the whole is something else, so that the chunk list was a lie
   * and all of it is thrown away; @throws {DiskFullError}
   */
  commit(): Promise<void>;
  /** Closes it and keeps what is there for another try. */
  close(): Promise<void>;
}
