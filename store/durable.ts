import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MessageTooLargeError, parseJson } from '../core/index.ts';
import { storageError, systemCode } from './errors.ts';
import { isAbandoned, ownerMark } from './owner.ts';

/**
 * Makes names in a folder last: a rename is on disk only when its folder is.
 * Windows can't sync folders and needs no such thing.
 */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, durably. @throws {DiskFullError} */
export async function ensureDir(path: string): Promise<void> {
  const target = resolve(path);
  try {
    const first = await mkdir(target, { recursive: true });
    if (first === undefined) return;
    for (let folder = dirname(target); folder.length >= dirname(first).length; folder = dirname(folder)) {
      await syncFolder(folder);
      if (folder === dirname(folder)) break;
    }
  } catch (error) {
    throw storageError(error);
  }
}

const swept = new Set<string>();

/**
 * Replaces a file so that a crash at any moment leaves the old content or the new one: a temporary name in the same
 * folder, fsync, rename, fsync of the folder.
 *
 * @param options.mode permissions of a new file (`0o644`, less the process's umask)
 * @param options.exclusive never replaces a file: rejects with the system's `EEXIST` where there is one
 * @throws {DiskFullError} and leaves the old file as it was
 */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string,
  options: { mode?: number; exclusive?: boolean } = {},
): Promise<void> {
  const folder = dirname(path);
  if (!swept.has(folder)) {
    swept.add(folder);
    await sweepAbandoned(folder);
  }
  const temporary = join(folder, `.${basename(path)}${ownerMark()}`);
  try {
    const handle = await open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (options.exclusive === true) {
      // A link, unlike a rename, does not take the place of what is there.
      await link(temporary, path);
      await rm(temporary);
    } else await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw storageError(error);
  }
}

/**
 * Removes what processes that are gone were writing in a folder, among the names that start with `prefix`. Does nothing
 * where the folder can't be read.
 */
export async function sweepAbandoned(folder: string, prefix = ''): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names)
    if (name.startsWith(prefix) && isAbandoned(name))
      await rm(join(folder, name), { recursive: true, force: true });
}

/** A whole file, or undefined where there is none. @throws {MessageTooLargeError} above `maxBytes` */
export async function readFileBounded(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      if (size > maxBytes)
        throw new MessageTooLargeError(`${path}: ${size} bytes where ${maxBytes} are allowed`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A JSON file's value, unchecked, or undefined where there is no such file.
 *
 * @throws {MessageTooLargeError} above `maxBytes` @throws {InvalidInputError} when it is not JSON
 */
export async function readJsonFile(path: string, maxBytes: number): Promise<unknown> {
  const bytes = await readFileBounded(path, maxBytes);
  return bytes === undefined ? undefined : parseJson(bytes, maxBytes);
}
