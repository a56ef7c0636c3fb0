import { parseWith } from '../../core/index.ts';
import { z } from 'zod';
import type { State, Table } from '../../store/index.ts';

/** What became of an event that its source will tell again. */
export interface JournalEntry {
  state: 'begun' | 'done' | 'failed';
  /** Times that it was begun. */
  attempts: number;
  /** Actions that were taken over while it was handled: they are not taken over a second time. */
  actions: number;
}

const entrySchema: z.ZodType<JournalEntry> = z.object({
  state: z.enum(['begun', 'done', 'failed']),
  attempts: z.number().int().nonnegative(),
  actions: z.number().int().nonnegative(),
});

const PAGE = 500;

/** Remembers which events one deployment has handled, across restarts and updates. */
export class EventJournal {
  readonly #table: Table<JournalEntry>;
  readonly #deployment: string;

  constructor(state: State, deployment: string) {
    this.#table = state.table('journal', (value) => parseWith(entrySchema, value, 'journal entry'));
    this.#deployment = deployment;
  }

  async get(id: string): Promise<JournalEntry | undefined> {
    return this.#table.get(this.#keyOf(id));
  }

  async put(id: string, entry: JournalEntry): Promise<void> {
    await this.#table.put(this.#keyOf(id), entry);
  }

  /** Forgets events whose ids begin so, except those that are to be kept. */
  async forget(idPrefix: string, keep: ReadonlySet<string> = new Set()): Promise<void> {
    const prefix = this.#keyOf(idPrefix);
    let gt: string | undefined;
    for (;;) {
      const page = await this.#table.list({ prefix, limit: PAGE, ...(gt === undefined ? {} : { gt }) });
      const stale = page
        .map(([key]) => key)
        .filter((key) => !keep.has(key.slice(this.#deployment.length + 1)));
      await this.#table.batch(stale.map((key) => ({ type: 'delete', key })));
      gt = page.at(-1)?.[0];
      if (page.length < PAGE) return;
    }
  }

  #keyOf(id: string): string {
    return `${this.#deployment}/${id}`;
  }
}
