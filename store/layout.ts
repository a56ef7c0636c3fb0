import { readFileSync, type FSWatcher, unwatchFile, watch, watchFile } from 'node:fs';
import { join } from 'node:path';
import {
  digestOf,
  type ImageIndex,
  InvalidInputError,
  manifestBytes,
  MAX_MANIFEST_BYTES,
  MEDIA,
  MessageTooLargeError,
  parseImageIndex,
  parseJson,
} from '../core/index.ts';
import type { BlobStore } from './blob-store.ts';
import { WATCH_INTERVAL_MS } from './constants.ts';
import { ensureDir, readFileBounded, readJsonFile, sweepAbandoned, writeFileAtomic } from './durable.ts';
import { openBlobStore } from './file-blob-store.ts';
import { withLock } from './lock.ts';

/** A folder as the OCI image spec 1.1 lays it out (image-layout.md): any OCI client can read it. */
export interface Layout {
  readonly dir: string;
  readonly blobs: BlobStore;
  /** @throws {InvalidInputError} when index.json is not an index */
  index(): Promise<ImageIndex>;
  /**
   * Replaces the index by what `change` makes of it, one caller after the other, those of other processes too.
   * What `change` throws leaves the index as it is. @throws {StoreLockedError} @throws {DiskFullError} @throws
   * {MessageTooLargeError} when it grows beyond what an index may have
   */
  update(change: (index: ImageIndex) => ImageIndex | Promise<ImageIndex>): Promise<void>;
  /** Calls back after every change of the index, also by other processes. Returns what ends it. */
  onChange(listener: () => void): () => void;
  close(): void;
}

const EMPTY: ImageIndex = { schemaVersion: 2, mediaType: MEDIA.index, manifests: [] };
const MAX_MARKER_BYTES = 4096;

/** Opens a layout, and makes it where there is none. @throws {InvalidInputError} for one of an unknown version */
export async function openLayout(dir: string): Promise<Layout> {
  await ensureDir(dir);
  const marker = join(dir, 'oci-layout');
  const found = await readJsonFile(marker, MAX_MARKER_BYTES);
  if (found === undefined) await writeFileAtomic(marker, '{"imageLayoutVersion":"1.0.0"}');
  else if (!isVersion1(found))
    throw new InvalidInputError(`${dir} is not an OCI image layout of version 1.0.0`);
  const blobs = await openBlobStore(dir);
  const layout = new FolderLayout(dir, blobs);
  await layout.begin();
  return layout;
}

function isVersion1(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'imageLayoutVersion' in value &&
    value.imageLayoutVersion === '1.0.0'
  );
}

class FolderLayout implements Layout {
  readonly dir: string;
  readonly blobs: BlobStore;
  readonly #index: string;
  readonly #lock: string;
  readonly #listeners = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #polling = false;
  #seen = '';
  #looking: Promise<void> = Promise.resolve();

  constructor(dir: string, blobs: BlobStore) {
    this.dir = dir;
    this.blobs = blobs;
    this.#index = join(dir, 'index.json');
    this.#lock = join(dir, '.lock');
  }

  /** Writes the first index where there is none. */
  async begin(): Promise<void> {
    await sweepAbandoned(this.dir);
    if ((await readFileBounded(this.#index, MAX_MANIFEST_BYTES)) !== undefined) return;
    await withLock(this.#lock, async () => {
      if ((await readFileBounded(this.#index, MAX_MANIFEST_BYTES)) === undefined)
        await writeFileAtomic(this.#index, manifestBytes(EMPTY));
    });
  }

  async index(): Promise<ImageIndex> {
    const bytes = await readFileBounded(this.#index, MAX_MANIFEST_BYTES);
    if (bytes === undefined) throw new InvalidInputError(`${this.dir} has no index.json`);
    return parseImageIndex(withMediaType(bytes));
  }

  async update(change: (index: ImageIndex) => ImageIndex | Promise<ImageIndex>): Promise<void> {
    await withLock(this.#lock, async () => {
      const before = await this.index();
      const bytes = manifestBytes(await change(before));
      if (digestOf(bytes) === digestOf(manifestBytes(before))) return;
      if (bytes.byteLength > MAX_MANIFEST_BYTES)
        throw new MessageTooLargeError(
          `the index would have ${bytes.byteLength} bytes, ${MAX_MANIFEST_BYTES} are allowed`,
        );
      await writeFileAtomic(this.#index, bytes);
    });
    if (this.#listeners.size > 0) await this.#look();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#watch();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#watcher?.close();
    this.#watcher = undefined;
    if (this.#polling) unwatchFile(this.#index, this.#onPoll);
    this.#polling = false;
  }

  readonly #onPoll = (): void => void this.#look();

  #watch(): void {
    // Synchronously, so that no change after `onChange` is taken for what was there before.
    this.#seen = digestOf(readFileSync(this.#index));
    try {
      this.#watcher = watch(this.dir, { persistent: false }, (_event, name) => {
        if (name === null || name === 'index.json') void this.#look();
      });
      this.#watcher.on('error', () => this.#poll());
    } catch {
      // A machine has only so many watches, and network file systems have none.
      this.#poll();
    }
  }

  #poll(): void {
    if (this.#polling || this.#listeners.size === 0) return;
    this.#polling = true;
    watchFile(this.#index, { persistent: false, interval: WATCH_INTERVAL_MS }, this.#onPoll);
  }

  /** Tells the listeners once for every content: the watcher tells of one rename several times, and of our own too. */
  #look(): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      const bytes = await readFileBounded(this.#index, MAX_MANIFEST_BYTES).catch(() => undefined);
      if (bytes === undefined) return;
      const now = digestOf(bytes);
      if (now === this.#seen) return;
      this.#seen = now;
      for (const listener of [...this.#listeners]) listener();
    });
    return this.#looking;
  }
}

/** Other tools may leave out the index's own media type, which the spec only says it should have. */
function withMediaType(bytes: Uint8Array): Uint8Array {
  const value = parseJson(bytes, MAX_MANIFEST_BYTES);
  if (typeof value !== 'object' || value === null || 'mediaType' in value) return bytes;
  return new TextEncoder().encode(JSON.stringify({ mediaType: MEDIA.index, ...value }));
}
