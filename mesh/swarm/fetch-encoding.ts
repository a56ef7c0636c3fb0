import type { EncodedBlob, Logger } from '../../core/index.ts';
import { type BlobStore, DiskFullError } from '../../store/index.ts';
import { ENCODING_TIMEOUT_MS } from '../constants.ts';
import type { Task } from './task.ts';
import type { FetchOptions, TransferStats, Want } from './want.ts';

export interface FetchEncodingInit {
  encoding: EncodedBlob;
  /** The blob that it is a smaller form of, and who wants it. */
  want: Want;
  task: Task;
  timeoutMs: number;
}

export interface FetchEncodingComponents {
  blobs: BlobStore;
  log: Logger;
  fetch: (want: Want, options: FetchOptions) => Promise<TransferStats>;
}

/**
 * Brings a smaller form of a blob. Returns false where it can't be had: then the blob comes in chunks.
 *
 * @throws {DiskFullError} @throws the signal's reason
 */
export async function fetchEncoding(
  { encoding, want, task, timeoutMs }: FetchEncodingInit,
  { blobs, log, fetch }: FetchEncodingComponents,
): Promise<boolean> {
  try {
    const { byPeer } = await fetch(encoding, {
      signal: task.signal,
      from: task.origins,
      timeoutMs: Math.min(timeoutMs, ENCODING_TIMEOUT_MS),
    });
    for (const [peer, bytes] of Object.entries(byPeer)) task.received(peer, bytes);
    return await blobs.has(encoding.digest);
  } catch (error) {
    if (task.signal.aborted || error instanceof DiskFullError) throw error;
    log.debug({ digest: want.digest, encoding: encoding.digest, error }, 'a smaller form did not come');
    return false;
  }
}
