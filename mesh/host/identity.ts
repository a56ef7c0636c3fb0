import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { PeerId, PrivateKey } from '@libp2p/interface';
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id';

/** The key that a host speaks with: what mesh needs of trust's key pair. */
export interface Identity {
  /** base64url of the 32 raw public bytes of an Ed25519 key. */
  readonly publicKey: string;
  /** The 32 raw private bytes. */
  readonly seed: Uint8Array;
}

const RAW_KEY_BYTES = 32;

/** The libp2p private key of a seed. */
export function privateKeyOf(identity: Identity): Promise<PrivateKey> {
  return generateKeyPairFromSeed('Ed25519', identity.seed);
}

/**
 * The peer id of an Ed25519 public key (base64url of 32 raw bytes).
 *
 * @throws {TypeError} when it is not such a key
 */
export function peerIdOf(publicKey: string): string {
  const raw = Buffer.from(publicKey, 'base64url');
  if (raw.byteLength !== RAW_KEY_BYTES) throw new TypeError(`not an Ed25519 public key: ${publicKey}`);
  return peerIdFromPublicKey(publicKeyFromRaw(raw)).toString();
}

/**
 * The Ed25519 public key inside a peer id, as base64url of 32 raw bytes.
 *
 * @throws {TypeError} when it is not the peer id of such a key
 */
export function publicKeyOf(peer: string): string {
  const key = parsePeerId(peer)?.publicKey;
  if (key?.type !== 'Ed25519') throw new TypeError(`not the peer id of an Ed25519 key: ${peer}`);
  return Buffer.from(key.raw).toString('base64url');
}

/** A peer id, or undefined when the text is not one. */
export function parsePeerId(peer: string): PeerId | undefined {
  try {
    return peerIdFromString(peer);
  } catch {
    return undefined;
  }
}
