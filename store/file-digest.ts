import { open, type FileHandle } from 'node:fs/promises';
import { Digester, type Digest } from '../core/index.ts';
import { BLOCK_BYTES } from './constants.ts';

/** Digest and size of what a file holds now, read in blocks. */
export async function digestOfFile(path: string): Promise<{ digest: Digest; size: number }> {
  const handle = await open(path, 'r');
  try {
    return await digestOfHandle(handle);
  } finally {
    await handle.close();
  }
}

/** The same for an open file, from its start. */
export async function digestOfHandle(handle: FileHandle): Promise<{ digest: Digest; size: number }> {
  const digester = new Digester();
  let size = 0;
  for await (const block of blocksOf(handle)) {
    digester.update(block);
    size += block.byteLength;
  }
  return { digest: digester.digest(), size };
}

/** What a file holds, block by block: each is valid until the next one is asked for. */
export async function* blocksOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  for (let offset = 0; ;) {
    const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, offset);
    if (bytesRead === 0) return;
    yield block.subarray(0, bytesRead);
    offset += bytesRead;
  }
}

/** Exactly `length` bytes at `offset`, or fewer where the file ends before. @param into room for them */
export async function readAt(
  handle: FileHandle,
  offset: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const bytes = into ?? new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
}

/** The same of a file that is opened for it. */
export async function readFileRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    return await readAt(handle, offset, length);
  } finally {
    await handle.close();
  }
}

/** Writes all of `bytes` at `offset`: one call may write less than it was given. */
export async function writeAt(handle: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, offset + done);
    done += bytesWritten;
  }
}
