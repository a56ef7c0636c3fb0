import type { Digest } from '../../core/index.ts';
import type { BlobStore } from '../blob-store.ts';
import { ENCODING_PAYS, MIN_ENCODED_BYTES, SAMPLED_SEGMENTS, SEGMENTS_AT_A_TIME } from '../constants.ts';
import { type ByteSource, withFileSource } from '../cut/byte-source.ts';
import { encodeIndex, type Segment, usesBase } from './format.ts';
import { planSegments, type PlannedSegment } from './plan.ts';
import { type EncodedSegment, encodeSegment } from './segments.ts';

/** A blob in fewer bytes, itself a blob. */
export interface Encoding {
  digest: Digest;
  size: number;
  /** The blob that whoever decodes it must have. */
  base?: Digest;
}

/**
 * Makes a smaller form of a blob: against a base, segment by segment in the way that takes the fewest bytes, or
 * compressed alone. Both blobs must be in the store, and the encoding is put there. Memory is bounded whatever the
 * blob's size. The same blobs give the same encoding on the same version of Node.js.
 *
 * @returns undefined where less than a tenth would be saved: that is measured, on a part of the blob first
 * @throws {BlobNotFoundError} @throws {DiskFullError} @throws the signal's reason
 */
export async function encodeBlob(
  blobs: BlobStore,
  digest: Digest,
  options: { base?: Digest; signal?: AbortSignal } = {},
): Promise<Encoding | undefined> {
  const { base, signal } = options;
  const size = await blobs.size(digest);
  if (size < MIN_ENCODED_BYTES || base === digest) return undefined;
  const kept = await withFiles(blobs, digest, base, async (files) => {
    if (!(await paysFor(files.plan(), files, signal))) return undefined;
    let helped = false;
    const onSegment = ({ method }: Segment): void => void (helped ||= usesBase(method));
    const encoding = await blobs.putAny(files.encoded(size, base, { signal, onSegment }), { signal });
    return { ...encoding, ...(base !== undefined && helped ? { base } : {}) };
  });
  if (kept === undefined || kept.size <= size * ENCODING_PAYS) return kept;
  await blobs.delete(kept.digest);
  return undefined;
}

/** Does `work` with the bytes of an encoding, whether it saves anything or not. @throws what `encodeBlob` throws */
export async function withEncoding<T>(
  blobs: BlobStore,
  digest: Digest,
  options: { base: Digest; signal?: AbortSignal },
  work: (encoding: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const size = await blobs.size(digest);
  return withFiles(blobs, digest, options.base, (files) => work(files.encoded(size, options.base, options)));
}

function withFiles<T>(
  blobs: BlobStore,
  digest: Digest,
  base: Digest | undefined,
  work: (files: Files) => Promise<T>,
): Promise<T> {
  return blobs.useFile(digest, (blob) =>
    base === undefined
      ? work(new Files(blob, undefined))
      : blobs.useFile(base, (path) => work(new Files(blob, path))),
  );
}

/** Segments all over the blob, so that a file of many kinds of data is not judged by its beginning. */
async function paysFor(
  planned: readonly PlannedSegment[],
  files: Files,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (planned.length <= SAMPLED_SEGMENTS * 2) return true;
  let [size, stored] = [0, 0];
  for (let i = 0; i < SAMPLED_SEGMENTS; i += 1) {
    signal?.throwIfAborted();
    const segment = planned[Math.floor(((i + 0.5) * planned.length) / SAMPLED_SEGMENTS)];
    if (segment === undefined) continue;
    const { body } = await files.encode(segment);
    size += segment.size;
    stored += body.byteLength;
  }
  return stored <= size * ENCODING_PAYS;
}

/** The blob and its base, as files. */
class Files {
  readonly #blob: string;
  readonly #base: string | undefined;

  constructor(blob: string, base: string | undefined) {
    this.#blob = blob;
    this.#base = base;
  }

  plan(): PlannedSegment[] {
    return withFileSource(this.#blob, (blob) =>
      this.#base === undefined
        ? planSegments(blob, undefined)
        : withFileSource(this.#base, (base) => planSegments(blob, base)),
    );
  }

  /** @param base named in the index, where a segment uses it */
  async *encoded(
    size: number,
    base: Digest | undefined,
    options: { signal?: AbortSignal | undefined; onSegment?: (segment: Segment) => void },
  ): AsyncGenerator<Uint8Array> {
    const planned = this.plan();
    const segments: Segment[] = [];
    for (let at = 0; at < planned.length; at += SEGMENTS_AT_A_TIME) {
      options.signal?.throwIfAborted();
      const some = planned.slice(at, at + SEGMENTS_AT_A_TIME);
      for (const { segment, body } of await Promise.all(some.map((one) => this.encode(one)))) {
        segments.push(segment);
        options.onSegment?.(segment);
        if (body.byteLength > 0) yield body;
      }
    }
    const used = segments.some(({ method }) => usesBase(method));
    yield encodeIndex({ size, base: used ? base : undefined, segments });
  }

  encode(planned: PlannedSegment): Promise<EncodedSegment> {
    const bytes = readFrom(this.#blob, planned.offset, planned.size);
    return encodeSegment(bytes, planned, (offset, length) => readFrom(this.#base ?? '', offset, length));
  }
}

/** Of a source of its own, so that no later read takes its place. */
function readFrom(path: string, offset: number, length: number): Uint8Array {
  return withFileSource(path, (source: ByteSource) => source.read(offset, length));
}
