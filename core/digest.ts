import { createHash, hash, type Hash } from 'node:crypto';
import { InvalidInputError } from './errors.ts';

/** The name of content: `sha256:` and 64 hexadecimal digits. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && DIGEST.test(value);
}

/** @throws {InvalidInputError} when `value` is not a SHA-256 digest */
export function parseDigest(value: unknown): Digest {
  if (!isDigest(value)) throw new InvalidInputError(`not a digest: ${String(value).slice(0, 100)}`);
  return value;
}

/** The digest of bytes that are in memory. node:crypto's SHA-256 runs at 1.7 GB/s where BLAKE3 on npm does not. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${hash('sha256', bytes, 'hex')}`;
}

/** A digest over bytes as they pass. */
export class Digester {
  readonly #hash: Hash = createHash('sha256');

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes);
    return this;
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

/** The hexadecimal part alone, as OCI layouts name their files. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The first characters of a digest, for people. */
export function shortDigest(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}
