import { z } from 'zod';
import {
  type CatalogEntry,
  type CatalogListing,
  InvalidInputError,
  type Logger,
  parseCatalogListing,
  parseWith,
} from '../../core/index.ts';
import type { State, Table } from '../../store/index.ts';
import { type Refused, trustedEntries } from './trusted.ts';

interface CachedListing extends CatalogListing {
  listedAt: number;
}

const KEY = 'listing';

/**
 * The last catalog that the bridge told, kept for the time without an uplink. The signatures are checked when it is
 * listed and again when it is loaded: a publisher may have been struck off meanwhile.
 */
export class CatalogCache {
  readonly #table: Table<CachedListing>;
  readonly #publishers: readonly string[];
  readonly #log: Logger;
  readonly #clock: () => number;
  readonly #listeners = new Set<() => void>();
  #entries: readonly CatalogEntry[] = [];
  #refused: Refused = [];
  #revision: number | undefined;
  #listedAt: number | undefined;

  constructor(
    init: { publishers: readonly string[] },
    components: { state: State; log: Logger; clock: () => number },
  ) {
    this.#table = components.state.table('catalog', parseCached);
    this.#publishers = init.publishers;
    this.#log = components.log;
    this.#clock = components.clock;
  }

  get entries(): readonly CatalogEntry[] {
    return this.#entries;
  }

  get refused(): Refused {
    return this.#refused;
  }

  get revision(): number | undefined {
    return this.#revision;
  }

  get listedAt(): number | undefined {
    return this.#listedAt;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async load(): Promise<void> {
    const cached = await this.#table.get(KEY);
    if (cached !== undefined) this.#take(cached);
  }

  async update(listing: CatalogListing): Promise<void> {
    const cached = { ...listing, listedAt: this.#clock() };
    await this.#table.put(KEY, cached, { sync: true });
    const before = new Set(this.#entries.map(({ digest }) => digest));
    this.#take(cached);
    const changed =
      this.#entries.length !== before.size || this.#entries.some(({ digest }) => !before.has(digest));
    for (const { kind, name, version, problem } of this.#refused)
      this.#log.warn({ kind, name, version, problem }, 'a release was refused');
    if (changed) for (const listener of this.#listeners) listener();
  }

  #take(cached: CachedListing): void {
    const { entries, refused } = trustedEntries(cached, this.#publishers);
    this.#entries = entries;
    this.#refused = refused;
    this.#revision = cached.revision;
    this.#listedAt = cached.listedAt;
  }
}

function parseCached(value: unknown): CachedListing {
  const { listedAt } = parseWith(
    z.object({ listedAt: z.number() }),
    value,
    'cached catalog',
    InvalidInputError,
  );
  return { ...parseCatalogListing(value), listedAt };
}
