import type { Table } from '../../store/index.ts';
import { SEQUENCE_BLOCK } from '../constants.ts';

const KEY = 'event-sequence';

/**
 * Numbers that grow and never come twice, whatever happens to the machine: a block of them is reserved durably before
 * its first is used. After a crash the rest of the block is left out.
 */
export class Sequence {
  readonly #table: Table<number>;
  #next = 1;
  #reserved = 0;

  constructor(table: Table<number>) {
    this.#table = table;
  }

  /** @param used the highest number that is known to be used */
  async open(used: number): Promise<void> {
    this.#reserved = (await this.#table.get(KEY)) ?? 0;
    this.#next = Math.max(this.#reserved, used) + 1;
  }

  async take(): Promise<number> {
    const number = this.#next;
    this.#next += 1;
    if (number > this.#reserved) {
      this.#reserved = number + SEQUENCE_BLOCK - 1;
      await this.#table.put(KEY, this.#reserved, { sync: true });
    }
    return number;
  }

  /** Gives back what was reserved and not used. */
  async close(): Promise<void> {
    if (this.#next - 1 >= this.#reserved) return;
    this.#reserved = this.#next - 1;
    await this.#table.put(KEY, this.#reserved, { sync: true });
  }
}
