import type { ChunkList, Digest } from '../core/index.ts';

/** Content by digest. What `has` says yes to is complete, verified and on disk. */
export interface BlobStore {
  has(digest: Digest): Promise<boolean>;
  /** Bytes of a blob. @throws {BlobNotFoundError} */
  size(digest: Digest): Promise<number>;
  /** A whole blob in memory. @throws {BlobNotFoundError} @throws {MessageTooLargeError} above `maxBytes` */
  read(digest: Digest, maxBytes: number): Promise<Uint8Array>;
  /** Part of a blob. @throws {BlobNotFoundError} @throws {RangeError} outside the blob */
  readRange(digest: Digest, offset: number, length: number): Promise<Uint8Array>;
  /** The file that holds a blob, for readers only. @throws {BlobNotFoundError} */
  path(digest: Digest): Promise<string>;
  /** Keeps bytes. With `expected`, @throws {BlobCorruptError} when they are something else; @throws {DiskFullError} */
  put(bytes: Uint8Array, expected?: Digest): Promise<Digest>;
  /** Keeps what a stream gives. @throws {BlobCorruptError} @throws {DiskFullError} */
  putStream(
    source: AsyncIterable<Uint8Array>,
    expected: { digest: Digest; size: number },
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /** Keeps a file's content by copying it. @throws {DiskFullError} */
  putFile(path: string): Promise<{ digest: Digest; size: number }>;
  /**
   * Opens a blob that comes in chunks. What an earlier try has already written, and still verifies, counts. Opening
   * the same blob twice at a time gives the same object.
   */
  partial(digest: Digest, list: ChunkList): Promise<PartialBlob>;
  /** The partial blob of that digest if it is open now: a peer may have its chunks. */
  openPartial(digest: Digest): PartialBlob | undefined;
  list(): AsyncIterable<{ digest: Digest; size: number }>;
  delete(digest: Digest): Promise<void>;
  /** Calls back for every blob that was completed. Returns what ends it. */
  onAdded(listener: (digest: Digest) => void): () => void;
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
  /** @throws {BlobNotFoundError} for a chunk that is not there yet */
  read(index: number): Promise<Uint8Array>;
  /** Verifies the whole, makes it durable and gives it its name. @throws {BlobCorruptError} when it is not whole */
  commit(): Promise<void>;
  /** Closes it and keeps what is there for another try. */
  close(): Promise<void>;
}
