import { readdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ClassicLevel } from 'classic-level';
import { decode, encode, type Logger, silentLogger } from '../core/index.ts';
import { LOCK_RETRY_MS, LOCK_TIMEOUT_MS, MAX_STATE_VALUE_BYTES } from './constants.ts';
import { ensureDir, syncFolder } from './durable.ts';
import { DiskFullError, StoreLockedError, systemCode } from './errors.ts';
import { checkKey, checkTableName, readable } from './record.ts';
import type { ListOptions, State, Table, TableOperation, WriteOptions } from './state.ts';

type Database = ClassicLevel<string, Uint8Array>;
type Sublevel = ReturnType<typeof sublevelOf>;

interface OpenOptions {
  signal?: AbortSignal;
  log?: Logger;
  /** How long to wait for another process to close it. */
  timeoutMs?: number;
}

/**
 * State in a level folder, for one process at a time. A folder that does not open is repaired and, where that does not
 * help, set aside as `DIR.broken-TIME` and begun anew: a machine must start with what it has.
 *
 * @throws {StoreLockedError} when another process has it for longer than `timeoutMs` (10 s)
 * @throws {DiskFullError}
 */
export async function openState(dir: string, options: OpenOptions = {}): Promise<State> {
  const { log = silentLogger } = options;
  await ensureDir(dir);
  const database = await openDatabase(dir, log, options);
  return new LevelState(database, log);
}

async function openDatabase(dir: string, log: Logger, options: OpenOptions): Promise<Database> {
  if (await lostItsHead(dir)) await repair(dir, log);
  try {
    return await openUnlocked(dir, options);
  } catch (error) {
    if (!isBroken(error)) throw error;
    log.warn({ dir, error: causesOf(error) }, 'the state does not open; repairing it');
  }
  await repair(dir, log);
  try {
    return await openUnlocked(dir, options);
  } catch (error) {
    if (!isBroken(error)) throw error;
    const aside = `${dir}.broken-${Date.now()}`;
    await rename(dir, aside);
    await syncFolder(dirname(dir));
    log.error({ dir, aside, error: causesOf(error) }, 'the state is beyond repair; it begins anew');
  }
  await ensureDir(dir);
  return openUnlocked(dir, options);
}

/** Without a CURRENT file level would begin anew in silence, over what is there. */
async function lostItsHead(dir: string): Promise<boolean> {
  const names = await readdir(dir);
  return !names.includes('CURRENT') && names.some((name) => /^MANIFEST-|\.ldb$/.test(name));
}

async function repair(dir: string, log: Logger): Promise<void> {
  await ClassicLevel.repair(dir).catch((error: unknown) =>
    log.warn({ dir, error: causesOf(error) }, 'the state could not be repaired'),
  );
}

async function openUnlocked(dir: string, options: OpenOptions): Promise<Database> {
  const { signal, timeoutMs = LOCK_TIMEOUT_MS } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const database: Database = new ClassicLevel(dir, { keyEncoding: 'utf8', valueEncoding: 'view' });
    try {
      await database.open();
      return database;
    } catch (error) {
      await database.close().catch(() => {});
      if (isFull(error)) throw new DiskFullError(undefined, { cause: error });
      if (!hasCode(error, 'LEVEL_LOCKED')) throw error;
      if (performance.now() > deadline)
        throw new StoreLockedError(`another process has ${dir}`, { cause: error });
      await delay(LOCK_RETRY_MS);
    }
  }
}

/** Broken, as against locked, full, forbidden: only what the files themselves say may cost them their place. */
function isBroken(error: unknown): boolean {
  return (
    hasCode(error, 'LEVEL_CORRUPTION') ||
    /corrupt|does not exist|no such file|is a directory/i.test(causesOf(error))
  );
}

function isFull(error: unknown): boolean {
  return /no space left|quota exceeded|file too large/i.test(causesOf(error));
}

function hasCode(error: unknown, code: string): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (systemCode(at) === code) return true;
  return false;
}

function causesOf(error: unknown): string {
  const messages: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) messages.push(at.message);
  return messages.join(': ');
}

class LevelState implements State {
  readonly #database: Database;
  readonly #log: Logger;

  constructor(database: Database, log: Logger) {
    this.#database = database;
    this.#log = log;
  }

  table<T>(name: string, parse: (value: unknown) => T): Table<T> {
    return new LevelTable(checkTableName(name), this.#database, parse, this.#log);
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}

function sublevelOf(database: Database, name: string) {
  return database.sublevel<string, Uint8Array>(name, { keyEncoding: 'utf8', valueEncoding: 'view' });
}

class LevelTable<T> implements Table<T> {
  readonly #database: Database;
  readonly #records: Sublevel;
  readonly #read: (key: string, bytes: Uint8Array) => T | undefined;

  constructor(name: string, database: Database, parse: (value: unknown) => T, log: Logger) {
    this.#database = database;
    this.#records = sublevelOf(database, name);
    this.#read = (key, bytes) => readable(() => parse(decode(bytes, MAX_STATE_VALUE_BYTES)), name, key, log);
  }

  async get(key: string): Promise<T | undefined> {
    const bytes = await this.#records.get(checkKey(key));
    return bytes === undefined ? undefined : this.#read(key, bytes);
  }

  put(key: string, value: T, options?: WriteOptions): Promise<void> {
    return this.batch([{ type: 'put', key, value }], options);
  }

  delete(key: string, options?: WriteOptions): Promise<void> {
    return this.batch([{ type: 'delete', key }], options);
  }

  async list(options: ListOptions = {}): Promise<[string, T][]> {
    const { prefix = '', gt, limit = Infinity, reverse = false } = options;
    const found: [string, T][] = [];
    const range = {
      ...(gt !== undefined && byBytes(gt, prefix) >= 0 ? { gt } : { gte: prefix }),
      // The last code point there is: no key of ours begins with the prefix and this.
      ...(prefix === '' ? {} : { lt: `${prefix}\u{10FFFF}` }),
      reverse,
    };
    for await (const [key, bytes] of this.#records.iterator(range)) {
      if (found.length >= limit) break;
      const value = this.#read(key, bytes);
      if (value !== undefined) found.push([key, value]);
    }
    return found;
  }

  async batch(operations: TableOperation<T>[], options: WriteOptions = {}): Promise<void> {
    const sublevel = this.#records;
    const encoded = operations.map((operation) =>
      operation.type === 'put'
        ? ({ type: 'put', sublevel, key: checkKey(operation.key), value: encode(operation.value) } as const)
        : ({ type: 'del', sublevel, key: checkKey(operation.key) } as const),
    );
    try {
      // By the database, not the sublevel: only the former's types know of `sync`.
      await this.#database.batch(encoded, { sync: options.sync ?? false });
    } catch (error) {
      throw isFull(error) ? new DiskFullError(undefined, { cause: error }) : error;
    }
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
