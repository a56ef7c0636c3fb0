import { RELAY_BLOCK_BYTES, RELAY_PART_BYTES, RELAY_PATIENCE_MS, RELAY_PAUSE_MS } from '../constants.ts';

/**
 * A chunk on its way here, which is passed on while it comes (cut-through: Kermani and Kleinrock 1979). Its last block
 * is held back until the whole is verified, so that an honest host never gives a whole chunk that is wrong: whoever gets
 * one knows whom to blame.
 */
export class Arrival {
  readonly size: number;
  readonly #onEnd: () => void;
  #state: 'coming' | 'kept' | 'lost' = 'coming';
  #bytes: Uint8Array | undefined;
  /** Bytes of it that readers were told of, and when. */
  #shown = 0;
  #shownAt = 0;
  #readers = 0;
  #more = Promise.withResolvers<void>();
  #unread: PromiseWithResolvers<void> | undefined;

  constructor(size: number, onEnd: () => void) {
    this.size = size;
    this.#onEnd = onEnd;
  }

  /** It came, was verified and is stored. */
  get kept(): boolean {
    return this.#state === 'kept';
  }

  /** Resolves when nobody reads its bytes. */
  async unread(): Promise<void> {
    if (this.#readers === 0) return;
    this.#unread ??= Promise.withResolvers();
    await this.#unread.promise;
  }

  /** Resolves when it is here, or will not come, or not soon. */
  async settled(): Promise<void> {
    while (this.#state === 'coming') if (!(await this.#changes())) return;
  }

  /** So many of its bytes are in this room by now. */
  readonly onPart = (bytes: Uint8Array, count: number): void => {
    this.#bytes = bytes;
    const now = performance.now();
    if (count - this.#shown < RELAY_BLOCK_BYTES || now - this.#shownAt < RELAY_PAUSE_MS) return;
    this.#shown = count;
    this.#shownAt = now;
    this.#wake();
  };

  /**
   * It is over.
   *
   * @param bytes the chunk, where it came, was verified and is stored
   */
  end(bytes: Uint8Array | undefined): void {
    if (this.#state !== 'coming') return;
    this.#state = bytes === undefined ? 'lost' : 'kept';
    this.#bytes = bytes ?? this.#bytes;
    this.#onEnd();
    this.#wake();
  }

  /** Gives all of its bytes to some work. Returns false where they are not here. @throws what the work throws */
  async give(work: (bytes: Uint8Array) => Promise<void>): Promise<boolean> {
    const bytes = this.#bytes;
    if (!this.kept || bytes === undefined) return false;
    await this.#read(() => work(bytes));
    return true;
  }

  /**
   * Passes its bytes on as they come, a part at a time. Returns false when the rest will not come, or not soon: nobody
   * is to blame for what came.
   *
   * @throws what `write` throws
   */
  async passOn(write: (part: Uint8Array) => Promise<void>): Promise<boolean> {
    return this.#read(async () => {
      for (let at = 0; at < this.size;) {
        const ready = await this.#beyond(at);
        if (ready === undefined || this.#bytes === undefined) return false;
        const end = Math.min(ready, at + RELAY_PART_BYTES);
        await write(this.#bytes.subarray(at, end));
        at = end;
      }
      return true;
    });
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    this.#readers += 1;
    try {
      return await work();
    } finally {
      this.#readers -= 1;
      if (this.#readers === 0) {
        this.#unread?.resolve();
        this.#unread = undefined;
      }
    }
  }

  /** How many bytes may be passed on once that is more than so many, or undefined where it won't be. */
  async #beyond(at: number): Promise<number | undefined> {
    for (;;) {
      if (this.#state === 'lost') return undefined;
      const ready = this.#state === 'kept' ? this.size : Math.min(this.#shown, this.size - RELAY_BLOCK_BYTES);
      if (ready > at) return ready;
      if (!(await this.#changes())) return undefined;
    }
  }

  /** Whether something happens to it in time. */
  async #changes(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), RELAY_PATIENCE_MS).unref();
    });
    try {
      return await Promise.race([this.#more.promise.then(() => true), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}
