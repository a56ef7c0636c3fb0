import { z } from 'zod';
import { parseWith } from '../../core/index.ts';
import { readJsonFile, writeFileAtomic } from '../../store/index.ts';
import { ApiFileInvalidError } from './errors.ts';

/** Where a gateway's API is and what opens it. */
export interface ApiFile {
  url: string;
  token: string;
}

const MAX_API_FILE_BYTES = 4096;
const apiFile = z.object({
  url: z.url({ protocol: /^https?$/ }).max(500),
  token: z.string().min(1).max(200),
});

/**
 * Writes the file by which commands on the same machine find the API, for its owner alone: whoever reads it may change
 * the site.
 */
export async function writeApiFile(path: string, { url, token }: ApiFile): Promise<void> {
  const text = `${JSON.stringify({ url, token }, undefined, 2)}\n`;
  await writeFileAtomic(path, new TextEncoder().encode(text), { mode: 0o600 });
}

/** Reads an `api.json`. @throws {ApiFileInvalidError} when it is not one */
export async function readApiFile(path: string): Promise<ApiFile> {
  try {
    return parseWith(apiFile, await readJsonFile(path, MAX_API_FILE_BYTES), path, ApiFileInvalidError);
  } catch (error) {
    if (error instanceof ApiFileInvalidError) throw error;
    throw new ApiFileInvalidError(`${path} can not be read`, { cause: error });
  }
}
