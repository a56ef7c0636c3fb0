import { readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { readJsonFile } from '../../store/index.ts';
import { MAX_CARD_BYTES } from '../constants.ts';
import { RuntimePackageError } from '../errors.ts';

/** An npm package as it is installed. */
export interface NpmPackage {
  dir: string;
  name: string;
  version: string;
  licence: string;
}

/**
 * Finds an installed npm package as a module at `from` would.
 *
 * @throws {RuntimePackageError} when it is not installed
 */
export async function findPackage(name: string, from: string): Promise<NpmPackage> {
  let folder: string;
  try {
    folder = dirname(createRequire(from).resolve(name));
  } catch (cause) {
    throw new RuntimePackageError(`the npm package ${name} is not installed`, { cause });
  }
  // A package need not export its package.json, so it is looked for above what it does export.
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const found = await readPackage(folder).catch(() => undefined);
    if (found?.name === name) return found;
  }
  throw new RuntimePackageError(`the npm package ${name} has no package.json`);
}

/** The package in a folder. @throws {RuntimePackageError} */
export async function readPackage(dir: string): Promise<NpmPackage> {
  const value = await readJsonFile(join(dir, 'package.json'), MAX_CARD_BYTES);
  if (typeof value !== 'object' || value === null || !('name' in value) || !('version' in value))
    throw new RuntimePackageError(`there is no npm package in ${dir}`);
  const licence = 'license' in value && typeof value.license === 'string' ? value.license : 'NOASSERTION';
  return { dir, name: String(value.name), version: String(value.version), licence };
}

/** What only tools for development read. */
const NOT_AT_RUN_TIME = /\.(?:map|d\.ts|d\.mts|d\.cts|md)$/;

/**
 * Files of a package, by the paths that they get in a tree: `node_modules/<name>/…`, where `require` finds them.
 *
 * @param paths files or folders of the package
 * @throws {RuntimePackageError} when there is none of one of them
 */
export async function packageFiles(
  found: NpmPackage,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const path of paths) {
    const source = join(found.dir, path);
    const info = await stat(source).catch(() => undefined);
    if (info === undefined) throw new RuntimePackageError(`${found.name} ${found.version} has no ${path}`);
    const names = info.isDirectory() ? await filesUnder(source) : [source];
    for (const file of names) if (!NOT_AT_RUN_TIME.test(file)) files.set(placeOf(found, file), file);
  }
  return files;
}

function placeOf(found: NpmPackage, file: string): string {
  return ['node_modules', found.name, ...relative(found.dir, file).split(sep)].join('/');
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
