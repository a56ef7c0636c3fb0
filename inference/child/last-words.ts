/** Lines of a crash report that do not say what happened: stack frames, rules, brackets, the version. */
const NOT_TELLING = /^(\s|[-<[{}\])]|\d+: |Node\.js v|file:\/\/)/;
const TELLING = /error|fatal|assert/i;

/** Keeps the one line of a process's standard error that most likely says why it ended. */
export class LastWords {
  #line = '';
  #isTelling = false;

  hear(line: string): void {
    if (NOT_TELLING.test(line)) return;
    const isTelling = TELLING.test(line);
    if (this.#isTelling && !isTelling) return;
    this.#line = line;
    this.#isTelling = isTelling;
  }

  /** Empty when it said nothing. */
  get line(): string {
    return this.#line;
  }

  /** Whether V8 ended the process because its heap was full. */
  get heapWasFull(): boolean {
    return this.#line.includes('heap out of memory');
  }
}
