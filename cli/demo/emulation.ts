import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { defineError } from '../../core/index.ts';
import type { DemoNode } from './plan.ts';

const run = promisify(execFile);
const FETCH_TIMEOUT_MS = 120_000;

export const EmulatorMissingError = defineError(
  'EmulatorMissingError',
  'ERR_EMULATOR_MISSING',
  'The emulator for another CPU is not installed.',
  'On Debian: apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross',
);

type Emulation = NonNullable<DemoNode['emulate']>;

/** Whether this machine has the emulator. */
export async function canEmulate(emulation: Emulation): Promise<boolean> {
  return (await findOnPath(emulation.command)) !== undefined;
}

/**
 * Writes an executable that runs a Node binary for another CPU under emulation, to stand for a node's own executable.
 *
 * @throws {EmulatorMissingError} where qemu is not installed
 */
export async function emulatorWrapper(dir: string, emulation: Emulation): Promise<string> {
  const emulator = await findOnPath(emulation.command);
  if (emulator === undefined) throw new EmulatorMissingError(`there is no ${emulation.command} on the PATH`);
  const node = emulation.arch === process.arch ? process.execPath : await foreignNode(dir, emulation.arch);
  const file = join(dir, `node-${emulation.arch}-${emulation.command}`);
  await writeFile(file, `#!/bin/sh\nexec ${[emulator, ...emulation.args, node].join(' ')} "$@"\n`);
  await chmod(file, 0o755);
  return file;
}

/** The Node binary for another CPU: from the optional dependency, or fetched by npm into the demo's folder. */
async function foreignNode(dir: string, arch: string): Promise<string> {
  const name = `node-linux-${arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
  } catch {
    // npm leaves out packages for other CPUs, so it is fetched by itself.
  }
  const folder = join(dir, name);
  await mkdir(folder, { recursive: true });
  const options = { cwd: folder, timeout: FETCH_TIMEOUT_MS };
  await run('npm', ['pack', `${name}@24`, '--silent'], options);
  const archive = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  await run('tar', ['-xzf', archive ?? ''], options);
  return join(folder, 'package', 'bin', 'node');
}

async function findOnPath(command: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, command);
    const executable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return file;
  }
  return undefined;
}
