import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.ts';
import { AlreadyExistsError } from '../init/write-config.ts';

/** Marks a folder as the demo's own, which it may make anew. */
const MARKER = '.floormesh-demo';

/** The folder of a sample app. */
export function appFolder(name: string): string {
  return join(PACKAGE_ROOT, 'apps', name);
}

/** Makes the demo's folder anew. @throws {AlreadyExistsError} when it holds something that no demo made */
export async function makeDemoFolder(dir: string): Promise<void> {
  const files = await readdir(dir).catch((): string[] => []);
  if (files.length > 0 && !files.includes(MARKER))
    throw new AlreadyExistsError(`${dir} is not empty and was not made by the demo`);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, MARKER), '');
}
