import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** Pictures of one channel and what they show. */
export interface LabelledPictures {
  width: number;
  height: number;
  /** One picture after the other, row by row. */
  pixels: Uint8Array;
  labels: Uint8Array;
}

const UNSIGNED_BYTES = 0x08;

/**
 * Reads a gzipped pair of IDX files (http://yann.lecun.com/exdb/mnist/): pictures and their labels.
 *
 * @throws {TypeError} when they are something else
 */
export async function readIdxPair(pictures: string, labels: string): Promise<LabelledPictures> {
  const { dims, bytes } = await readIdx(pictures);
  const [count = 0, height = 0, width = 0] = dims;
  const truth = await readIdx(labels);
  if (dims.length !== 3 || truth.dims.length !== 1 || truth.dims[0] !== count)
    throw new TypeError(`${pictures} and ${labels} do not belong together`);
  return { width, height, pixels: bytes, labels: truth.bytes };
}

async function readIdx(path: string): Promise<{ dims: number[]; bytes: Uint8Array }> {
  const file = await promisify(gunzip)(await readFile(path));
  const rank = file[3] ?? 0;
  if (file.readUInt16BE(0) !== 0 || file[2] !== UNSIGNED_BYTES)
    throw new TypeError(`${path} is no IDX file of bytes`);
  const dims = Array.from({ length: rank }, (_, i) => file.readUInt32BE(4 + 4 * i));
  const bytes = file.subarray(4 + 4 * rank);
  if (bytes.length !== dims.reduce((product, dim) => product * dim, 1))
    throw new TypeError(`${path} is cut off`);
  return { dims, bytes };
}
