import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';

/** An ed25519 key pair (RFC 8032). The public key is the identity of a peer, a publisher, a gateway. */
export interface KeyPair {
  /** 32 bytes as base64url. */
  readonly publicKey: string;
  /** 32 private bytes (RFC 8032 calls them the private key). Never logged, never sent. */
  readonly seed: Uint8Array;
  /** Signs bytes. @returns 64 bytes as base64url */
  sign(bytes: Uint8Array): string;
}

const SEED_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** What PKCS #8 (RFC 8410) has before the 32 bytes of an ed25519 seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A new pair, from the system's randomness. */
export function generateKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  return keyPairFromSeed(pkcs8.subarray(-SEED_BYTES));
}

/** The pair of a seed. @throws {TypeError} when it does not have 32 bytes */
export function keyPairFromSeed(seed: Uint8Array): KeyPair {
  if (seed.byteLength !== SEED_BYTES)
    throw new TypeError(`a seed has ${SEED_BYTES} bytes, not ${seed.byteLength}`);
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x: publicKey = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return new Ed25519KeyPair(publicKey, Uint8Array.from(seed), privateKey);
}

class Ed25519KeyPair implements KeyPair {
  readonly publicKey: string;
  readonly #seed: Uint8Array;
  readonly #privateKey: KeyObject;

  constructor(publicKey: string, seed: Uint8Array, privateKey: KeyObject) {
    this.publicKey = publicKey;
    this.#seed = seed;
    this.#privateKey = privateKey;
  }

  /** A getter, so that neither a log nor JSON ever shows it by accident. */
  get seed(): Uint8Array {
    return this.#seed.slice();
  }

  sign(bytes: Uint8Array): string {
    return sign(null, bytes, this.#privateKey).toString('base64url');
  }
}

/** Whether `signature` is by that key over these bytes. Never throws: what is malformed is no signature. */
export function verifySignature(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  const rawSignature = fromBase64url(signature, SIGNATURE_BYTES);
  if (rawSignature === undefined || fromBase64url(publicKey, PUBLIC_KEY_BYTES) === undefined) return false;
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, bytes, key, rawSignature);
  } catch {
    return false;
  }
}

/** Whether a text is a public key as floormesh writes it. */
export function isPublicKey(value: string): boolean {
  return fromBase64url(value, PUBLIC_KEY_BYTES) !== undefined;
}

/** Takes the one spelling that base64url has for those bytes; Node's decoder would take many. */
function fromBase64url(text: string, length: number): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.byteLength === length && bytes.toString('base64url') === text ? bytes : undefined;
}
