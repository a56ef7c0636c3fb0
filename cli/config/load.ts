import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { ConfigInvalidError, ConfigNotFoundError } from './errors.ts';
import { nearest, SAY_MISSING } from '../../core/index.ts';
import { type Role, ROLE_SCHEMAS, type RoleConfig } from './schema.ts';

export const CONFIG_FILE = 'floormesh.yaml';
const MAX_CONFIG_BYTES = 1024 * 1024;

/** A configuration, and the folder that its relative paths and the role's own files are in. */
export interface Loaded<T extends RoleConfig> {
  config: T;
  dir: string;
  file: string;
}

/**
 * Reads a role's configuration file: YAML, `${ENV_VAR}` replaced, every key known.
 *
 * @param path the file, or a folder that has a floormesh.yaml
 * @throws {ConfigNotFoundError} @throws {ConfigInvalidError}
 */
export async function loadConfig<R extends Role>(
  role: R,
  path: string,
  env: NodeJS.ProcessEnv,
): Promise<Loaded<Extract<RoleConfig, { role: R }>>> {
  const loaded = await loadAnyConfig(path, env);
  if (loaded.config.role !== role)
    throw new ConfigInvalidError(`${loaded.file} configures a ${loaded.config.role}, not a ${role}`);
  return loaded as Loaded<Extract<RoleConfig, { role: R }>>;
}

/** As `loadConfig`, for whichever role the file says. */
export async function loadAnyConfig(path: string, env: NodeJS.ProcessEnv): Promise<Loaded<RoleConfig>> {
  const file = await configFile(path);
  const text = await readConfigFile(file);
  return { config: parseConfig(text, file, env), dir: dirname(file), file };
}

/** The file that a path means; one that ends like a configuration, or is a file, is meant itself. */
async function configFile(path: string): Promise<string> {
  const named = /\.ya?ml$/.test(path);
  const isFile = named || (await stat(path).catch(() => undefined))?.isFile() === true;
  return resolve(isFile ? path : join(path, CONFIG_FILE));
}

async function readConfigFile(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new ConfigNotFoundError(`there is no ${file}`, { cause });
    throw new ConfigInvalidError(`${file} cannot be read: ${cause.message}`, { cause });
  });
  if (bytes.byteLength > MAX_CONFIG_BYTES) throw new ConfigInvalidError(`${file} is larger than 1 MiB`);
  return bytes.toString('utf8');
}

/** @throws {ConfigInvalidError} naming the file, the key and, for an unknown one, the nearest known key */
export function parseConfig(text: string, file: string, env: NodeJS.ProcessEnv): RoleConfig {
  let value: unknown;
  try {
    value = parseYaml(text, { maxAliasCount: 20 });
  } catch (cause) {
    throw new ConfigInvalidError(`${file}: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
  const substituted = substitute(value, env, file);
  const role = (substituted as { role?: unknown } | null)?.role;
  if (role !== 'bridge' && role !== 'gateway' && role !== 'node')
    throw new ConfigInvalidError(`${file}: role must be bridge, gateway or node`);
  const result = ROLE_SCHEMAS[role].safeParse(substituted, SAY_MISSING);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => describeIssue(issue, ROLE_SCHEMAS[role]));
  throw new ConfigInvalidError(`${file}: ${issues.join('; ')}`, { cause: result.error });
}

function describeIssue(issue: z.core.$ZodIssue, schema: z.ZodObject): string {
  const at = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return `${at}: ${issue.message}`;
  const known = keysAt(schema, issue.path);
  return issue.keys
    .map((unknown) => {
      const guess = nearest(unknown, known);
      const where = at === '' ? unknown : `${at}.${unknown}`;
      return `${where} is not a key${guess === undefined ? '' : `; did you mean ${guess}?`}`;
    })
    .join('; ');
}

/** The keys that the schema has at a path, looked up in its JSON Schema form. */
function keysAt(schema: z.ZodObject, path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return Object.keys(schema.shape);
  const first = schema.shape[String(path[0])] as z.ZodType | undefined;
  const found = new Set<string>();
  collectKeys(first, found);
  return [...found];
}

function collectKeys(schema: z.ZodType | undefined, found: Set<string>): void {
  if (schema === undefined) return;
  const def = schema.def as {
    shape?: object;
    innerType?: z.ZodType;
    element?: z.ZodType;
    options?: z.ZodType[];
  };
  for (const key of Object.keys(def.shape ?? {})) found.add(key);
  collectKeys(def.innerType, found);
  collectKeys(def.element, found);
  for (const option of def.options ?? []) collectKeys(option, found);
}

function substitute(value: unknown, env: NodeJS.ProcessEnv, file: string): unknown {
  if (typeof value === 'string')
    return value.replaceAll(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (_, variable: string) => {
      const set = env[variable];
      if (set === undefined) throw new ConfigInvalidError(`${file}: the environment has no ${variable}`);
      return set;
    });
  if (Array.isArray(value)) return value.map((item) => substitute(item, env, file));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, env, file)]));
  return value;
}
