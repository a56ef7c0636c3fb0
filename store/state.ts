/** Small records that outlive the process. Values are CBOR: plain data, with `Uint8Array` inside where wanted. */
export interface State {
  /**
   * The table of that name. `parse` checks what comes back; a record that it refuses is left out and logged, since
   * what stands here can be had again, and one bad record must not keep a machine from starting.
   */
  table<T>(name: string, parse: (value: unknown) => T): Table<T>;
  close(): Promise<void>;
}

export interface WriteOptions {
  /** On disk when the promise resolves (3.5 ms instead of 0.1): for what a power cut must not take back. */
  sync?: boolean;
}

export interface ListOptions {
  /** Only keys that start so. */
  prefix?: string;
  /** Only keys after this one. */
  gt?: string;
  /** At most so many. */
  limit?: number;
  /** From the last key to the first. */
  reverse?: boolean;
}

export type TableOperation<T> = { type: 'put'; key: string; value: T } | { type: 'delete'; key: string };

/** Records of one kind, ordered by the bytes of their keys. @throws {TypeError} for an empty key */
export interface Table<T> {
  get(key: string): Promise<T | undefined>;
  /** @throws {DiskFullError} */
  put(key: string, value: T, options?: WriteOptions): Promise<void>;
  /** Nothing to delete is no error. */
  delete(key: string, options?: WriteOptions): Promise<void>;
  list(options?: ListOptions): Promise<[string, T][]>;
  /** All of it or nothing. @throws {DiskFullError} */
  batch(operations: TableOperation<T>[], options?: WriteOptions): Promise<void>;
}
