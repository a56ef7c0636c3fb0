import { access, chmod, constants, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { defineError } from '../../core/index.ts';
import { fetchNode } from './fetch-node.ts';
import type { DemoNode } from './plan.ts';

export const EmulatorMissingError = defineError(
  'EmulatorMissingError',
  'ERR_EMULATOR_MISSING',
  'The emulator for another CPU is not installed.',
  'On Debian: apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libgcc-s1-arm64-cross',
);

export const ForeignNodeMissingError = defineError(
  'ForeignNodeMissingError',
  'ERR_FOREIGN_NODE_MISSING',
  'The demo has no Node.js for the CPU that it is to emulate.',
  'Fetch it once where there is a network, and name its binary: docs/operations.md says how.',
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

/**
 * The Node binary for another CPU: the one that the environment names (`FLOORMESH_NODE_ARM64`), the optional
 * dependency's, or one that npm fetches into the demo's folder.
 *
 * @throws {ForeignNodeMissingError}
 */
async function foreignNode(dir: string, arch: string): Promise<string> {
  const variable = `FLOORMESH_NODE_${arch.toUpperCase()}`;
  const stated = process.env[variable];
  if (stated !== undefined) return stated;
  const name = `node-linux-${arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
  } catch {
    // npm leaves out packages for other CPUs, so it is fetched by itself.
  }
  try {
    return await fetchNode(dir, name, `${name}@24`);
  } catch (cause) {
    throw new ForeignNodeMissingError(`npm could not fetch ${name}; ${variable} is not set`, { cause });
  }
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
