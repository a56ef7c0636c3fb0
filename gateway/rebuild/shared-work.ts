interface Work<T> {
  promise: Promise<T>;
  controller: AbortController;
  waiting: number;
}

/** Work that is done once however many ask for it, and ends early only when nobody waits for it any more. */
export class SharedWork<T> {
  readonly #running = new Map<string, Work<T>>();

  /** @throws what the work throws, or the reason of `signal` */
  async run(key: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const work = this.#running.get(key) ?? this.#begin(key, start);
    work.waiting += 1;
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([work.promise, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      work.waiting -= 1;
      if (work.waiting === 0 && this.#running.get(key) === work) {
        work.controller.abort(signal.reason);
        this.#running.delete(key);
      }
    }
  }

  #begin(key: string, start: (signal: AbortSignal) => Promise<T>): Work<T> {
    const controller = new AbortController();
    const work: Work<T> = { promise: start(controller.signal), controller, waiting: 0 };
    this.#running.set(key, work);
    const forget = (): void => {
      if (this.#running.get(key) === work) this.#running.delete(key);
    };
    work.promise.then(forget, forget);
    return work;
  }
}

/** Lets so many in at a time; the others wait in order. */
export class Turns {
  readonly #limit: number;
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = Math.max(1, Math.floor(limit));
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside -= 1;
      else next();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inside < this.#limit) {
      this.#inside += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(enter);
    });
  }
}
