import type { Logger } from '../core/index.ts';

/** @throws {TypeError} for a name that is not of lower-case letters, digits and dashes */
export function checkTableName(name: string): string {
  if (!/^[a-z0-9-]+$/.test(name)) throw new TypeError(`not a name for a table: ${name}`);
  return name;
}

/** @throws {TypeError} for an empty key */
export function checkKey(key: string): string {
  if (key === '') throw new TypeError('an empty key');
  return key;
}

/** A record's value, or undefined, with a warning, when it can't be read. */
export function readable<T>(read: () => T, table: string, key: string, log: Logger): T | undefined {
  try {
    return read();
  } catch (error) {
    log.warn({ table, key, error: String(error) }, 'a record can not be read and is left out');
    return undefined;
  }
}
