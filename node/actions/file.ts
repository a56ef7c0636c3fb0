import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { actionJson, type ActionRecord, type ActionTarget } from './action.ts';

const NEWLINE = 0x0a;

/** Writes one line of JSON per action to the end of a file. A line that a crash cut off is ended, not continued. */
export class FileTarget implements ActionTarget {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async deliver(record: ActionRecord): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, 'a+');
    try {
      const { size } = await file.stat();
      const last = new Uint8Array([NEWLINE]);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      await file.appendFile(`${last[0] === NEWLINE ? '' : '\n'}${actionJson(record)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async stop(): Promise<void> {}
}
