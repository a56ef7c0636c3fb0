import { open } from 'node:fs/promises';
import {
  ANNOTATION,
  type Chunk,
  CHUNK_BYTES,
  type Descriptor,
  digestOf,
  encodeChunkList,
  type ImageIndex,
  type Manifest,
  manifestBytes,
  MAX_BLOB_BYTES,
  MAX_LAYERS,
  MAX_MANIFEST_BYTES,
  MEDIA,
} from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import { PackFailedError } from '../errors.ts';

/** Where ModelPack has a layer's path (github.com/modelpack/model-spec, annotations). */
const MODELPACK_PATH = 'org.cncf.model.filepath';

/** The layers of one artifact, as its files are put into a blob store. */
export class Layers {
  readonly #blobs: BlobStore;
  readonly #signal: AbortSignal | undefined;
  readonly #files: Descriptor[] = [];
  readonly #lists = new Map<string, Descriptor>();

  constructor(blobs: BlobStore, signal?: AbortSignal) {
    this.#blobs = blobs;
    this.#signal = signal;
  }

  /** Adds a file at a path of the artifact. @throws {PackFailedError} @throws {DiskFullError} */
  async addFile(file: string, path: string, mediaType: string): Promise<Descriptor> {
    this.#signal?.throwIfAborted();
    const { size, executable } = await checkFile(file, path);
    const { digest } = await this.#blobs.putFile(file);
    const chunks =
      size > CHUNK_BYTES ? await this.#addChunkList(await this.#blobs.path(digest), size) : undefined;
    const layer: Descriptor = {
      mediaType,
      digest,
      size,
      annotations: {
        [ANNOTATION.path]: path,
        ...(mediaType.startsWith('application/vnd.cncf.') ? { [MODELPACK_PATH]: path } : {}),
        ...(executable ? { [ANNOTATION.mode]: '0755' } : {}),
        ...(chunks === undefined ? {} : { [ANNOTATION.chunks]: chunks }),
      },
    };
    this.#files.push(layer);
    return layer;
  }

  /** Adds bytes that have no path in the artifact. */
  async addBytes(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const layer: Descriptor = { mediaType, digest: await this.#blobs.put(bytes), size: bytes.byteLength };
    this.#files.push(layer);
    return layer;
  }

  /** Files in the order in which they were added, then the chunk lists. @throws {PackFailedError} for too many */
  descriptors(): Descriptor[] {
    const lists = [...this.#lists.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
    const all = [...this.#files, ...lists];
    if (all.length > MAX_LAYERS)
      throw new PackFailedError(
        `${all.length} files and chunk lists, and an artifact may have ${MAX_LAYERS}`,
      );
    return all;
  }

  async #addChunkList(file: string, size: number): Promise<string> {
    const bytes = encodeChunkList({ size, chunks: await chunksOf(file, this.#signal) });
    const digest = await this.#blobs.put(bytes);
    this.#lists.set(digest, { mediaType: MEDIA.chunks, digest, size: bytes.byteLength });
    return digest;
  }
}

async function checkFile(file: string, path: string): Promise<{ size: number; executable: boolean }> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new PackFailedError(`${path} can not be read`, { cause });
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new PackFailedError(`${path} is not a regular file`);
    if (info.size > MAX_BLOB_BYTES)
      throw new PackFailedError(`${path} has ${info.size} bytes, and a file may have ${MAX_BLOB_BYTES}`);
    return { size: info.size, executable: (info.mode & 0o100) !== 0 };
  } finally {
    await handle.close();
  }
}

/** A file's chunks, cut at every `CHUNK_BYTES`. */
async function chunksOf(file: string, signal?: AbortSignal): Promise<Chunk[]> {
  const handle = await open(file, 'r');
  try {
    const block = Buffer.allocUnsafe(CHUNK_BYTES);
    const chunks: Chunk[] = [];
    for (let offset = 0; ;) {
      signal?.throwIfAborted();
      let size = 0;
      while (size < CHUNK_BYTES) {
        const { bytesRead } = await handle.read(block, size, CHUNK_BYTES - size, offset + size);
        if (bytesRead === 0) break;
        size += bytesRead;
      }
      if (size === 0) return chunks;
      chunks.push({ offset, size, digest: digestOf(block.subarray(0, size)) });
      offset += size;
    }
  } finally {
    await handle.close();
  }
}

/** Keeps a manifest or index. @throws {PackFailedError} when it is larger than one may be */
export async function putManifest(
  blobs: BlobStore,
  value: Manifest | ImageIndex,
): Promise<Pick<Descriptor, 'digest' | 'size'>> {
  const bytes = manifestBytes(value);
  if (bytes.byteLength > MAX_MANIFEST_BYTES)
    throw new PackFailedError(
      `the manifest would have ${bytes.byteLength} bytes, ${MAX_MANIFEST_BYTES} are allowed`,
    );
  return { digest: await blobs.put(bytes), size: bytes.byteLength };
}

/** Bytes of all the blobs that descriptors name, each counted once. */
export function totalSize(descriptors: readonly Pick<Descriptor, 'digest' | 'size'>[]): number {
  const sizes = new Map(descriptors.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((total, size) => total + size, 0);
}
