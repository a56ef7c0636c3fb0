import { open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ChunkList, type Digest, digestOf, hexOf, InvalidInputError } from '../core/index.ts';
import type { PartialBlob } from './blob-store.ts';
import { PARTIAL_KEEP_MS, READ_ONLY_MODE } from './constants.ts';
import { syncFolder } from './durable.ts';
import { BlobCorruptError, BlobNotFoundError, DiskFullError, storageError, systemCode } from './errors.ts';
import { digestOfHandle, readAt, writeAt } from './file-digest.ts';
import { isAbandoned, ownerMark } from './owner.ts';

/** What a partial blob needs of the store that it belongs to. */
export interface PartialHome {
  /** Folder of partial blobs. */
  folder: string;
  /** Where the complete blob will be. */
  target: string;
  readComplete(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** It has its name now. */
  onCommit(): Promise<void>;
  /** It was committed, thrown away or closed. */
  onClosed(committed: boolean): void;
}

/** What a partial blob that nobody has open is named: its digest, so that the next try finds it. */
export const RESTING_SUFFIX = '.partial';

/** Removes what nobody has wanted for long. */
export async function sweepOldPartials(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(RESTING_SUFFIX)) continue;
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > PARTIAL_KEEP_MS) await rm(path, { force: true });
  }
}

/** Opens a partial blob's file, the one of an earlier try if there is one, and counts the chunks that verify. */
export async function openFilePartial(
  digest: Digest,
  list: ChunkList,
  home: PartialHome,
): Promise<FilePartial> {
  checkContiguous(list);
  const file = join(home.folder, `${hexOf(digest)}${ownerMark()}`);
  try {
    const adopted = await adopt(digest, home.folder, file);
    const handle = await open(file, adopted ? 'r+' : 'wx+', 0o600);
    const have = new Uint8Array(list.chunks.length);
    try {
      if (adopted) await countVerified(handle, list, have);
      await checkRoom(handle, list.size, home.folder);
    } catch (error) {
      await handle.close();
      if (adopted) await rename(file, restingPlace(digest, home.folder));
      else await rm(file, { force: true });
      throw error;
    }
    return new FilePartial(digest, list, home, { file, handle, have });
  } catch (error) {
    throw storageError(error);
  }
}

function restingPlace(digest: Digest, folder: string): string {
  return join(folder, `${hexOf(digest)}${RESTING_SUFFIX}`);
}

function checkContiguous(list: ChunkList): void {
  let offset = 0;
  for (const chunk of list.chunks) {
    if (chunk.offset !== offset || chunk.size <= 0)
      throw new InvalidInputError('the chunks leave a gap, or overlap');
    offset += chunk.size;
  }
  if (offset !== list.size)
    throw new InvalidInputError(`the chunks have ${offset} bytes, the blob ${list.size}`);
}

/**
 * Takes over an earlier try's file by renaming it, which only one process can do. A file is nobody's when it was closed,
 * or when its process is gone.
 */
async function adopt(digest: Digest, folder: string, file: string): Promise<boolean> {
  const names = await readdir(folder);
  const free = names.filter(
    (name) =>
      name === `${hexOf(digest)}${RESTING_SUFFIX}` || (name.startsWith(hexOf(digest)) && isAbandoned(name)),
  );
  for (const name of free) {
    try {
      await rename(join(folder, name), file);
      return true;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
  return false;
}

/** No map of what is there is kept: hashing is faster than the disk, and can't disagree with what is on it. */
async function countVerified(handle: FileHandle, list: ChunkList, have: Uint8Array): Promise<void> {
  const { size } = await handle.stat();
  for (const [index, chunk] of list.chunks.entries()) {
    if (chunk.offset + chunk.size > size) return;
    const bytes = await readAt(handle, chunk.offset, chunk.size);
    if (digestOf(bytes) === chunk.digest) have[index] = 1;
  }
}

/** Says "full" before the transfer instead of in the middle of it. The check is a courtesy: writes check as well. */
async function checkRoom(handle: FileHandle, size: number, folder: string): Promise<void> {
  const [{ blocks }, room] = await Promise.all([handle.stat(), statfs(folder)]);
  const needed = size - blocks * 512;
  if (room.blocks > 0 && needed > room.bavail * room.bsize)
    throw new DiskFullError(`${needed} bytes are to come, and ${room.bavail * room.bsize} are free`);
}

/** A blob on its way, in a sparse file. */
export class FilePartial implements PartialBlob {
  readonly digest: Digest;
  readonly list: ChunkList;
  readonly #home: PartialHome;
  readonly #file: string;
  readonly #have: Uint8Array;
  #handle: FileHandle | undefined;
  readonly #closed = Promise.withResolvers<void>();
  #users = 1;
  #committing: Promise<void> | undefined;
  #committed = false;

  constructor(
    digest: Digest,
    list: ChunkList,
    home: PartialHome,
    state: { file: string; handle: FileHandle; have: Uint8Array },
  ) {
    this.digest = digest;
    this.list = list;
    this.#home = home;
    this.#file = state.file;
    this.#handle = state.handle;
    this.#have = state.have;
  }

  /** When its file has no user any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** One more user, who will close it as well. False when the last one is just closing it. */
  share(): boolean {
    if (this.#users === 0) return false;
    this.#users += 1;
    return true;
  }

  has(index: number): boolean {
    return this.#have[index] === 1;
  }

  missing(): number[] {
    return this.list.chunks.flatMap((_, index) => (this.has(index) ? [] : [index]));
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    const chunk = this.#chunk(index);
    if (this.has(index)) return;
    if (bytes.byteLength !== chunk.size || digestOf(bytes) !== chunk.digest)
      throw new BlobCorruptError(`these bytes are not chunk ${index} of ${this.digest}`);
    const handle = this.#handle;
    if (handle === undefined) throw new TypeError(`the partial blob ${this.digest} is closed`);
    try {
      await writeAt(handle, chunk.offset, bytes);
    } catch (error) {
      throw storageError(error);
    }
    this.#have[index] = 1;
  }

  async read(index: number, into?: Uint8Array): Promise<Uint8Array> {
    const chunk = this.#chunk(index);
    if (!this.has(index)) throw new BlobNotFoundError(`chunk ${index} of ${this.digest} is still to come`);
    if (this.#committed) return this.#home.readComplete(chunk.offset, chunk.size, into);
    const handle = this.#handle;
    if (handle === undefined) throw new BlobNotFoundError(`the partial blob ${this.digest} is closed`);
    return readAt(handle, chunk.offset, chunk.size, into);
  }

  commit(): Promise<void> {
    this.#committing ??= this.#commit().finally(() => {
      if (!this.#committed) this.#committing = undefined;
    });
    return this.#committing;
  }

  async #commit(): Promise<void> {
    const left = this.missing().length;
    if (left > 0) throw new BlobCorruptError(`${left} chunks of ${this.digest} are still to come`);
    const handle = this.#handle;
    if (handle === undefined) throw new TypeError(`the partial blob ${this.digest} is closed`);
    const whole = await digestOfHandle(handle);
    if (whole.digest !== this.digest) {
      await this.#discard(handle);
      throw new BlobCorruptError(`the chunks of ${this.digest} add up to ${whole.digest}`);
    }
    try {
      await handle.chmod(READ_ONLY_MODE);
      await handle.sync();
      await rename(this.#file, this.#home.target);
      await syncFolder(dirname(this.#home.target));
    } catch (error) {
      throw storageError(error);
    }
    this.#committed = true;
    this.#handle = undefined;
    // Without its list a blob is as good, and a full disk is no reason to give it up.
    await this.#home.onCommit().catch(() => {});
    this.#home.onClosed(true);
    await handle.close();
    this.#closed.resolve();
  }

  async #discard(handle: FileHandle): Promise<void> {
    this.#handle = undefined;
    this.#have.fill(0);
    this.#home.onClosed(false);
    await handle.close();
    await rm(this.#file, { force: true });
    this.#closed.resolve();
  }

  async close(): Promise<void> {
    if (this.#users === 0) return this.closed;
    this.#users -= 1;
    if (this.#users > 0) return;
    await this.#committing?.catch(() => {});
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    try {
      await handle.close();
      await rename(this.#file, restingPlace(this.digest, this.#home.folder));
    } finally {
      this.#home.onClosed(false);
      this.#closed.resolve();
    }
  }

  #chunk(index: number): ChunkList['chunks'][number] {
    const chunk = this.list.chunks[index];
    if (chunk === undefined) throw new RangeError(`${this.digest} has no chunk ${index}`);
    return chunk;
  }
}
