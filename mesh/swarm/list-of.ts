import {
  type ChunkList,
  decodeChunkList,
  MAX_CHUNK_BYTES,
  singleChunk,
  type Want,
} from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import { MAX_CHUNK_LIST_BYTES } from '../constants.ts';

/**
 * The list that the publisher made, where there is one, or that of a blob that is one chunk. Undefined where others are
 * to be asked how they cut it.
 *
 * @param fetch brings the list here @throws what it throws @throws {InvalidInputError} for what is no list of it
 */
export async function listOf(
  { digest, size, chunks, chunksSize }: Want,
  blobs: BlobStore,
  fetch: (list: Want) => Promise<unknown>,
): Promise<ChunkList | undefined> {
  if (chunks === undefined || chunksSize === undefined)
    return size <= MAX_CHUNK_BYTES ? singleChunk(digest, size) : undefined;
  await fetch({ digest: chunks, size: chunksSize });
  return decodeChunkList(await blobs.read(chunks, MAX_CHUNK_LIST_BYTES), size);
}
