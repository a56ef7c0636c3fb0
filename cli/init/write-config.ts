import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { defineError } from '../../core/index.ts';
import { writeFileAtomic } from '../../store/index.ts';
import { CONFIG_FILE, parseConfig } from '../config/load.ts';

export const AlreadyExistsError = defineError(
  'AlreadyExistsError',
  'ERR_ALREADY_EXISTS',
  'There is a configuration in that folder already.',
  'Choose another folder, or remove the file if you mean to start over.',
);

/** @throws {AlreadyExistsError} when the folder has a configuration already */
export async function refuseExisting(dir: string): Promise<void> {
  const file = join(dir, CONFIG_FILE);
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists) throw new AlreadyExistsError(`${file} exists already`);
}

/**
 * Writes a role's first configuration file. Keys without a value are left out; the rest is validated as it will be
 * when it is read.
 *
 * @throws {ConfigInvalidError} when a value has not the form that it must have
 */
export async function writeConfig(dir: string, values: Record<string, unknown>): Promise<void> {
  const file = join(dir, CONFIG_FILE);
  const present = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const text = `# Every key is described in docs/configuration.md.\n${stringify(present, { lineWidth: 0 })}`;
  parseConfig(text, file, {});
  await mkdir(dir, { recursive: true });
  await writeFileAtomic(file, new TextEncoder().encode(text));
}
