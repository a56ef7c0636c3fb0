import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../store/index.ts';
import { digestOf } from '../../core/index.ts';
import { TOKEN_BYTES } from './constants.ts';
import { ApiFileInvalidError } from './errors.ts';

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/**
 * The API's token: 256 random bits as base64url, in a file that only its owner reads.
 *
 * @throws {ApiFileInvalidError} when the file is there and holds something else
 */
export async function loadOrCreateToken(file: string): Promise<string> {
  const existing = await readIfThere(file);
  if (existing !== undefined) {
    if (!TOKEN.test(existing)) throw new ApiFileInvalidError(`${file} does not hold a token`);
    await chmod(file, 0o600);
    return existing;
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  await writeFileAtomic(file, new TextEncoder().encode(`${token}\n`), { mode: 0o600 });
  return token;
}

/** Whether an `Authorization` header carries the token. Takes the same time wherever they differ. */
export function bearsToken(header: string | undefined, token: string): boolean {
  const match = /^Bearer ([^\s]{1,200})$/i.exec(header ?? '');
  if (match?.[1] === undefined) return false;
  // Digests have one length, whatever was sent, which timingSafeEqual asks for.
  return timingSafeEqual(Buffer.from(digestOf(match[1])), Buffer.from(digestOf(token)));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new ApiFileInvalidError(`${file} can not be read`, { cause: error });
  }
}
