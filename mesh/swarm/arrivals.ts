import type { Digest } from '../../core/index.ts';
import { MAX_RECENT_BYTES } from '../constants.ts';
import { Arrival } from './arrival.ts';
import type { ChunkRequest } from './blob-messages.ts';

interface Entry {
  readonly digest: Digest;
  readonly index: number;
  readonly arrival: Arrival;
}

/** What came, and frees its room. */
interface Recent extends Entry {
  readonly free: () => void;
}

/**
 * The chunks that are on their way here from peers that have all of a blob, and those that came of late: other downloaders
 * have them from here, so they are kept in memory for a while.
 */
export class Arrivals {
  readonly #entries = new Map<string, Entry>();
  /** The oldest first. */
  readonly #recent = new Map<string, Recent>();
  #recentBytes = 0;
  readonly #onComing: (digest: Digest, index: number) => void;

  constructor(onComing: (digest: Digest, index: number) => void) {
    this.#onComing = onComing;
  }

  /** A chunk is asked for. Returns undefined where it is on its way already, from another peer. */
  expect(index: number, request: ChunkRequest): Arrival | undefined {
    const key = keyOf(request);
    if (this.#entries.has(key)) return undefined;
    const arrival = new Arrival(request.size, () => this.#entries.delete(key));
    this.#entries.set(key, { digest: request.digest, index, arrival });
    this.#onComing(request.digest, index);
    return arrival;
  }

  find(request: ChunkRequest): Arrival | undefined {
    const arrival = this.#entries.get(keyOf(request))?.arrival;
    return arrival?.size === request.size ? arrival : undefined;
  }

  /** A chunk that came of late. */
  findRecent(request: ChunkRequest): Arrival | undefined {
    const arrival = this.#recent.get(keyOf(request))?.arrival;
    return arrival?.size === request.size ? arrival : undefined;
  }

  /** What became of a chunk is known. It stays for others, if it came, until newer ones take its place. */
  settled(index: number, request: ChunkRequest, arrival: Arrival, free: () => void): void {
    const recent = { digest: request.digest, index, arrival, free };
    if (!arrival.kept) return release(recent);
    const key = keyOf(request);
    this.#drop(key);
    this.#recent.set(key, recent);
    this.#recentBytes += arrival.size;
    for (const oldest of this.#recent.keys()) {
      if (this.#recentBytes <= MAX_RECENT_BYTES) return;
      this.#drop(oldest);
    }
  }

  /** A blob is complete, or given up: what came of it lately is not kept any longer. */
  forget(digest: Digest): void {
    for (const [key, recent] of this.#recent) if (recent.digest === digest) this.#drop(key);
  }

  /** Which chunks of a blob are on their way. */
  of(digest: Digest): number[] {
    return [...this.#entries.values()].filter((entry) => entry.digest === digest).map(({ index }) => index);
  }

  #drop(key: string): void {
    const recent = this.#recent.get(key);
    if (recent === undefined) return;
    this.#recent.delete(key);
    this.#recentBytes -= recent.arrival.size;
    release(recent);
  }
}

function release({ arrival, free }: Recent): void {
  void arrival.unread().then(free);
}

function keyOf({ digest, offset }: ChunkRequest): string {
  return `${digest} ${offset}`;
}
