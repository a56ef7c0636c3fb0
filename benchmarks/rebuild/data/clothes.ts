import { join } from 'node:path';
import { debianPackage } from '../cache.ts';
import { type LabelledPictures, readIdxPair } from './idx.ts';

/** One part of the data set: 60,000 pictures to train on, or 10,000 to test. */
export async function readFashion(part: 'train' | 't10k'): Promise<LabelledPictures> {
  const folder = join(await debianPackage('dataset-fashion-mnist'), 'usr/share/datasets/fashion-mnist');
  return readIdxPair(
    join(folder, `${part}-images-idx3-ubyte.gz`),
    join(folder, `${part}-labels-idx1-ubyte.gz`),
  );
}
