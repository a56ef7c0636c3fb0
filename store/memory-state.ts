import { decode, encode, type Logger, silentLogger } from '../core/index.ts';
import { MAX_STATE_VALUE_BYTES } from './constants.ts';
import { checkKey, checkTableName, readable } from './record.ts';
import type { ListOptions, State, Table, TableOperation } from './state.ts';

/** The twin of `openState` that forgets everything with the process. */
export function memoryState(options: { log?: Logger } = {}): State {
  const tables = new Map<string, Map<string, Uint8Array>>();
  return {
    table: (name, parse) => {
      checkTableName(name);
      const records = tables.get(name) ?? new Map<string, Uint8Array>();
      tables.set(name, records);
      return new MemoryTable(name, records, parse, options.log ?? silentLogger);
    },
    close: async () => {},
  };
}

class MemoryTable<T> implements Table<T> {
  readonly #records: Map<string, Uint8Array>;
  readonly #read: (key: string, bytes: Uint8Array) => T | undefined;

  constructor(name: string, records: Map<string, Uint8Array>, parse: (value: unknown) => T, log: Logger) {
    this.#records = records;
    this.#read = (key, bytes) => readable(() => parse(decode(bytes, MAX_STATE_VALUE_BYTES)), name, key, log);
  }

  async get(key: string): Promise<T | undefined> {
    const bytes = this.#records.get(checkKey(key));
    return bytes === undefined ? undefined : this.#read(key, bytes);
  }

  async put(key: string, value: T): Promise<void> {
    this.#records.set(checkKey(key), encode(value));
  }

  async delete(key: string): Promise<void> {
    this.#records.delete(checkKey(key));
  }

  async list(options: ListOptions = {}): Promise<[string, T][]> {
    const { prefix = '', gt, limit = Infinity, reverse = false } = options;
    const records = [...this.#records]
      .filter(([key]) => key.startsWith(prefix) && (gt === undefined || byBytes(key, gt) > 0))
      .sort(([a], [b]) => (reverse ? byBytes(b, a) : byBytes(a, b)));
    const found: [string, T][] = [];
    for (const [key, bytes] of records) {
      if (found.length >= limit) break;
      const value = this.#read(key, bytes);
      if (value !== undefined) found.push([key, value]);
    }
    return found;
  }

  async batch(operations: TableOperation<T>[]): Promise<void> {
    const encoded = operations.map((operation): [string, Uint8Array | undefined] => [
      checkKey(operation.key),
      operation.type === 'put' ? encode(operation.value) : undefined,
    ]);
    for (const [key, bytes] of encoded)
      if (bytes === undefined) this.#records.delete(key);
      else this.#records.set(key, bytes);
  }
}

/** The order that level has: by UTF-8 bytes, not by UTF-16 units as JavaScript's `<`. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
