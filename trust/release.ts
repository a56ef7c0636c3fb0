import {
  canonicalJson,
  type Release,
  releaseOf,
  type Signature,
  SignatureInvalidError,
} from '../core/index.ts';
import { type KeyPair, verifySignature } from './key-pair.ts';

/**
 * What a publisher signs: the type first, so that a signature over something else that has the same fields, or over an
 * offer, is none over a release.
 */
function payloadOf(release: Release): Uint8Array {
  return new TextEncoder().encode(canonicalJson({ type: 'floormesh-release', ...releaseOf(release) }));
}

/** Signs that this content is this version of this thing. */
export function signRelease(keyPair: KeyPair, release: Release): Signature {
  return { key: keyPair.publicKey, signature: keyPair.sign(payloadOf(release)) };
}

/**
 * Checks a release against the public keys of the publishers that are trusted here.
 *
 * @throws {SignatureInvalidError}
 */
export function verifyRelease(release: Release, signature: Signature, publishers: readonly string[]): void {
  const what = `${release.kind} ${release.name}:${release.version}`;
  if (!publishers.includes(signature.key))
    throw new SignatureInvalidError(
      `${what} is signed by ${signature.key}, which is not a trusted publisher`,
    );
  if (!verifySignature(signature.key, payloadOf(release), signature.signature))
    throw new SignatureInvalidError(`the signature over ${what} does not hold`);
}
