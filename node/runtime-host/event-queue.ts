import { QUEUE_BYTES, QUEUE_DEFERRED_EVENTS, QUEUE_EVENTS } from '../constants.ts';
import type { SourceEvent } from '../sources/source.ts';

/** An event that waits for its turn. */
export interface QueuedEvent {
  event: SourceEvent;
  /** Times that it was begun before. */
  attempts: number;
  /** Actions that were taken over then: they are not taken over a second time. */
  actions: number;
  /** Where somebody waits for what comes of it. */
  settle?: { resolve: (result: unknown) => void; reject: (error: unknown) => void };
}

export interface QueueBounds {
  /** Events with their bytes in memory. */
  events: number;
  bytes: number;
  /** Events whose bytes are read later. */
  deferred: number;
}

const DEFAULT_BOUNDS: QueueBounds = {
  events: QUEUE_EVENTS,
  bytes: QUEUE_BYTES,
  deferred: QUEUE_DEFERRED_EVENTS,
};

/** Events in the order in which they came. When there are too many, the oldest of its kind makes room. */
export class EventQueue {
  readonly #bounds: QueueBounds;
  readonly #onDropped: (dropped: QueuedEvent) => void;
  #entries: QueuedEvent[] = [];
  #bytes = 0;
  #held = 0;

  constructor(onDropped: (dropped: QueuedEvent) => void, bounds: Partial<QueueBounds> = {}) {
    this.#bounds = { ...DEFAULT_BOUNDS, ...bounds };
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#entries.length;
  }

  push(entry: QueuedEvent): void {
    this.#entries.push(entry);
    this.#count(entry, 1);
    const { events, bytes, deferred } = this.#bounds;
    while (this.#held > events || (this.#bytes > bytes && this.#held > 1)) this.#dropOldest(true);
    while (this.#entries.length - this.#held > deferred) this.#dropOldest(false);
  }

  /** Puts back an event that was taken and not finished: it stays the next one. */
  unshift(entry: QueuedEvent): void {
    this.#entries.unshift(entry);
    this.#count(entry, 1);
  }

  shift(): QueuedEvent | undefined {
    const entry = this.#entries.shift();
    if (entry !== undefined) this.#count(entry, -1);
    return entry;
  }

  /** Whether an event of that id waits. */
  has(id: string): boolean {
    return this.#entries.some(({ event }) => event.id === id);
  }

  /** Takes out everything. */
  clear(): QueuedEvent[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#bytes = 0;
    this.#held = 0;
    return entries;
  }

  #dropOldest(held: boolean): void {
    const index = this.#entries.findIndex(({ event }) => event.heldBytes > 0 === held);
    const [dropped] = this.#entries.splice(index, 1);
    if (dropped === undefined) return;
    this.#count(dropped, -1);
    this.#onDropped(dropped);
  }

  #count({ event }: QueuedEvent, sign: 1 | -1): void {
    this.#bytes += sign * event.heldBytes;
    if (event.heldBytes > 0) this.#held += sign;
  }
}
