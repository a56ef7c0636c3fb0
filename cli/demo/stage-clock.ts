import { formatMs } from '../format.ts';
import type { DemoReport } from './report.ts';

/** Runs the demo's stages one after the other, says so, and keeps what each one took. */
export class StageClock {
  readonly stages: DemoReport['stages'] = [];
  /** Bytes of content that nodes have received so far; there are no nodes at first. */
  bytesMoved: () => Promise<number> = () => Promise.resolve(0);
  readonly #say: (line: string) => void;
  readonly #signal: AbortSignal;

  constructor(say: (line: string) => void, signal: AbortSignal) {
    this.#say = say;
    this.#signal = signal;
  }

  async run(name: string, work: () => Promise<void>): Promise<void> {
    this.#signal.throwIfAborted();
    this.#say(`${name} …`);
    const [start, before] = [performance.now(), await this.bytesMoved()];
    await work();
    const ms = performance.now() - start;
    this.stages.push({ name, ms, bytes: (await this.bytesMoved()) - before });
    this.#say(`  done in ${formatMs(ms)}`);
  }
}
