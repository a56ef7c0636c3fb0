import { z } from 'zod';
import { decode, encode } from './codec.ts';
import { type Digest, digestOf } from './digest.ts';
import { InvalidInputError } from './errors.ts';
import { CHUNK_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS } from './limits.ts';
import { digestSchema } from './names.ts';
import { parseWith } from './parse.ts';

/** One verified unit of transfer. */
export interface Chunk {
  offset: number;
  size: number;
  digest: Digest;
}

/** How a blob is cut: in order, without gaps. */
export interface ChunkList {
  /** Bytes of the whole blob. */
  size: number;
  chunks: Chunk[];
}

const MAX_CHUNK_LIST_BYTES = MAX_CHUNKS * 96;

const wire = z
  .array(z.tuple([z.number().int().positive().max(MAX_CHUNK_BYTES), digestSchema]))
  .max(MAX_CHUNKS);

/** Cuts a blob that is in memory at every `CHUNK_BYTES`. A blob of up to that size is one chunk, its own. */
export function chunkBytes(bytes: Uint8Array): ChunkList {
  const chunks: Chunk[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += CHUNK_BYTES) {
    const part = bytes.subarray(offset, offset + CHUNK_BYTES);
    chunks.push({ offset, size: part.byteLength, digest: digestOf(part) });
  }
  return { size: bytes.byteLength, chunks };
}

/** The list of a blob that is not worth cutting. */
export function singleChunk(digest: Digest, size: number): ChunkList {
  return { size, chunks: size === 0 ? [] : [{ offset: 0, size, digest }] };
}

/** Encodes a chunk list as `application/vnd.floormesh.chunks.v1+cbor`: [size, digest] each. */
export function encodeChunkList(list: ChunkList): Uint8Array {
  return encode(list.chunks.map((chunk) => [chunk.size, chunk.digest]));
}

/** @throws {InvalidInputError} when the list does not add up to `size` */
export function decodeChunkList(bytes: Uint8Array, size: number): ChunkList {
  const parsed = parseWith(wire, decode(bytes, MAX_CHUNK_LIST_BYTES), 'chunk list');
  let offset = 0;
  const chunks = parsed.map(([chunkSize, digest]) => {
    const chunk: Chunk = { offset, size: chunkSize, digest };
    offset += chunkSize;
    return chunk;
  });
  if (offset !== size) throw new InvalidInputError(`the chunks have ${offset} bytes, the blob ${size}`);
  return { size, chunks };
}
