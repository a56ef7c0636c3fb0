import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ModelNotOnnxError } from '../errors.ts';

/** Bytes that lie somewhere, read in pieces. Reading waits: this runs in processes that have nothing else to do. */
export interface ByteSource {
  readonly size: number;
  /** @throws {ModelNotOnnxError} beyond the end */
  read(offset: number, length: number): Uint8Array;
}

/** Bytes in memory; what is read are views. */
export function memoryBytes(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    read: (offset, length) => {
      if (offset + length > bytes.byteLength) throw cutOff();
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** Headers lie close together, or very far apart. */
const WINDOW_BYTES = 64 * 1024;
/** The most that the system reads in one call. */
const MAX_READ_BYTES = 2 ** 30;

/** Gives `use` a file's bytes, and closes the file after it. @throws what `use` throws, and what opening throws */
export function withFile<T>(path: string, use: (bytes: ByteSource) => T): T {
  const descriptor = openSync(path, 'r');
  try {
    return use(new OpenFile(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

class OpenFile implements ByteSource {
  readonly size: number;
  readonly #descriptor: number;
  #window = new Uint8Array(0);
  #windowStart = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.size = fstatSync(descriptor).size;
  }

  read(offset: number, length: number): Uint8Array {
    if (offset + length > this.size) throw cutOff();
    if (length > WINDOW_BYTES / 2) return this.#fetch(offset, length);
    const inside = offset >= this.#windowStart && offset + length <= this.#windowStart + this.#window.length;
    if (!inside) {
      this.#window = this.#fetch(offset, Math.min(WINDOW_BYTES, this.size - offset));
      this.#windowStart = offset;
    }
    const start = offset - this.#windowStart;
    return this.#window.subarray(start, start + length);
  }

  #fetch(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const wanted = Math.min(length - at, MAX_READ_BYTES);
      const read = readSync(this.#descriptor, bytes, at, wanted, offset + at);
      if (read === 0) throw cutOff();
      at += read;
    }
    return bytes;
  }
}

function cutOff(): Error {
  return new ModelNotOnnxError('the file is cut off, or became shorter while it was read');
}
