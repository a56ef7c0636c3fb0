import { statfs } from 'node:fs/promises';
import { type BlobStore, DiskFullError } from '../../store/index.ts';
import { DISK_RESERVE_BYTES } from '../constants.ts';
import type { Want } from './wants.ts';

/**
 * Whether what is still to be fetched fits the disk, with some room left for everything else.
 *
 * @throws {DiskFullError}
 */
export async function checkDiskRoom(dir: string, wants: readonly Want[], blobs: BlobStore): Promise<void> {
  let needed = 0;
  for (const { digest, size } of wants) if (!(await blobs.has(digest))) needed += size;
  await checkFree(dir, needed);
}

/** Whether so many bytes fit the disk, with some room left. @throws {DiskFullError} */
export async function checkFree(dir: string, bytes: number): Promise<void> {
  const needed = bytes + DISK_RESERVE_BYTES;
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  if (free >= needed) return;
  const [want, have] = [needed, free].map((size) => Math.ceil(size / 1024 / 1024));
  throw new DiskFullError(`${want} MiB are needed (a reserve included), the disk has ${have} MiB`);
}
