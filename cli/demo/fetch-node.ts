import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 120_000;

/**
 * The Node binary of an npm package, which npm fetches unless the folder has it already. It is unpacked aside and put
 * in place in one step, so that runs which share the folder see all of it or nothing, and do not disturb each other.
 *
 * @param dir where it goes, into a folder of the package's name
 * @param spec what npm is to pack: `name@version`, or a folder
 * @throws what npm or tar fail with
 */
export async function fetchNode(dir: string, name: string, spec: string): Promise<string> {
  const folder = join(dir, name);
  const binary = join(folder, 'bin', 'node');
  if (await exists(binary)) return binary;
  const scratch = await mkdtemp(join(dir, `.${name}-`));
  try {
    const options = { cwd: scratch, timeout: FETCH_TIMEOUT_MS };
    await run('npm', ['pack', spec, '--silent'], options);
    const archive = (await readdir(scratch)).find((file) => file.endsWith('.tgz'));
    await run('tar', ['-xzf', archive ?? ''], options);
    await rename(join(scratch, 'package'), folder).catch(async (error: unknown) => {
      // Another run was faster: what it put there is as good.
      if (!(await exists(binary))) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return binary;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
