import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes that are looked at here and there: headers lie close together, or very far apart. */
export interface ByteSource {
  readonly size: number;
  /** Up to `length` bytes, fewer at the end. Valid until the next call. */
  read(offset: number, length: number): Uint8Array;
}

const WINDOW_BYTES = 64 * 1024;

export function memorySource(bytes: Uint8Array): ByteSource {
  return { size: bytes.byteLength, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** Does `work` with a file's bytes. Small reads are served from a window of 64 KiB. */
export function withFileSource<T>(path: string, work: (source: ByteSource) => T): T {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const window = Buffer.allocUnsafe(WINDOW_BYTES);
    let [start, held] = [0, 0];
    let large = new Uint8Array();
    return work({
      size,
      read: (offset, length) => {
        if (length > WINDOW_BYTES) {
          if (length > large.byteLength) large = Buffer.allocUnsafe(length);
          return large.subarray(0, readSync(file, large, 0, length, offset));
        }
        if (offset < start || offset + length > start + held) {
          held = readSync(file, window, 0, WINDOW_BYTES, offset);
          start = offset;
        }
        return window.subarray(offset - start, Math.min(held, offset - start + length));
      },
    });
  } finally {
    closeSync(file);
  }
}
