import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ensureDir, readJsonFile, systemCode, writeFileAtomic } from '../store/index.ts';
import { KeyInvalidError } from './errors.ts';
import { generateKeyPair, type KeyPair, keyPairFromSeed } from './key-pair.ts';

const MAX_KEY_FILE_BYTES = 4096;

/** Loads a key pair. @throws {KeyInvalidError} */
export async function loadKeyPair(file: string): Promise<KeyPair> {
  const keyPair = await tryLoad(file);
  if (keyPair === undefined) throw new KeyInvalidError(`there is no key file ${file}`);
  return keyPair;
}

/**
 * Loads a key pair, or makes one that only the owner may read (0600). Of two processes that make it at the same time,
 * both get the same one.
 *
 * @throws {KeyInvalidError} for a file that is there but no key: a new identity is never made in its place
 */
export async function loadOrCreateKeyPair(file: string): Promise<KeyPair> {
  const found = await tryLoad(file);
  if (found !== undefined) return found;
  const made = generateKeyPair();
  const seed = Buffer.from(made.seed).toString('base64url');
  const text = `${JSON.stringify({ type: 'ed25519', publicKey: made.publicKey, seed })}\n`;
  await ensureDir(dirname(file));
  try {
    await writeFileAtomic(file, text, { mode: 0o600, exclusive: true });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return loadKeyPair(file);
  }
  return made;
}

async function tryLoad(file: string): Promise<KeyPair | undefined> {
  const value = await readJsonFile(file, MAX_KEY_FILE_BYTES).catch((cause: unknown) => {
    throw new KeyInvalidError(`${file} can not be read as a key`, { cause });
  });
  if (value === undefined) return undefined;
  const keyPair = parseKey(value);
  if (keyPair === undefined) throw new KeyInvalidError(`${file} does not hold an ed25519 key pair`);
  const { mode } = await stat(file);
  if (process.platform !== 'win32' && (mode & 0o022) !== 0)
    throw new KeyInvalidError(`others may write ${file}`, { hint: `Say: chmod 600 ${file}` });
  return keyPair;
}

/** Both halves are in the file, so that a damaged seed is found out instead of being another identity. */
function parseKey(value: unknown): KeyPair | undefined {
  if (typeof value !== 'object' || value === null || !('seed' in value) || !('publicKey' in value))
    return undefined;
  if (typeof value.seed !== 'string') return undefined;
  const seed = Buffer.from(value.seed, 'base64url');
  if (seed.byteLength !== 32) return undefined;
  const keyPair = keyPairFromSeed(seed);
  return keyPair.publicKey === value.publicKey ? keyPair : undefined;
}
