import { InvalidInputError } from '../../core/index.ts';
import { isRecord } from '../channel/messages.ts';
import { siblingModule } from '../child/entry.ts';
import { type Child, spawnChild } from '../child/spawn-child.ts';
import type { Opened } from './build-under-test.ts';
import type { TrialInit } from './run-trial.ts';

/** What the original gives for one sample. The outputs are passed on as they came. */
export interface Reference {
  outputs: unknown;
  bytes: number;
  score: number;
  labelled: boolean;
}

/** A build in a child process, as the trial sees it. Its answers are checked: the child runs vendors' models. */
export class TrialChild {
  /** The longest that an answer took, in milliseconds. */
  slowestMs = 0;
  readonly #child: Child;
  readonly #signal: AbortSignal | undefined;

  constructor(init: TrialInit, build: string) {
    const { execPath, memoryMiB, overheadMiB, log, signal } = init;
    this.#signal = signal;
    this.#child = spawnChild({
      entry: siblingModule(import.meta.url, '../children/trial'),
      ...(execPath === undefined ? {} : { execPath }),
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
      ...(overheadMiB === undefined ? {} : { overheadMiB }),
      name: `trial of ${build}`,
      log,
    });
  }

  async open(params: object, timeoutMs: number): Promise<Opened> {
    const answer = await this.#ask('open', params, timeoutMs);
    if (!isRecord(answer)) throw new InvalidInputError('trial: open gave no map');
    const { loadMs, peakMemoryMiB, samples } = answer;
    return { loadMs: numeric(loadMs), peakMemoryMiB: numeric(peakMemoryMiB), samples: numeric(samples) };
  }

  async reference(index: number, timeoutMs: number): Promise<Reference> {
    const answer = await this.#ask('reference', { index }, timeoutMs);
    if (!isRecord(answer) || !isRecord(answer['outputs']))
      throw new InvalidInputError('trial: reference gave no outputs');
    const { outputs, score, labelled } = answer;
    return { outputs, bytes: bytesOf(answer['outputs']), score: numeric(score), labelled: labelled === true };
  }

  async score(index: number, reference: Reference, timeoutMs: number): Promise<number> {
    return numeric(await this.#ask('score', { index, reference: reference.outputs }, timeoutMs));
  }

  async time(from: number, runs: number, timeoutMs: number): Promise<number[]> {
    const answer = await this.#ask('time', { from, runs }, timeoutMs);
    if (!Array.isArray(answer) || answer.length !== runs)
      throw new InvalidInputError('trial: time gave no list');
    return answer.map(numeric);
  }

  /** At once: it has nothing to bring into order, and one that hangs would cost the others' time. */
  stop(): Promise<void> {
    return this.#child.stop({ graceMs: 0 });
  }

  async #ask(method: string, params: object, timeoutMs: number): Promise<unknown> {
    const signal = this.#signal;
    const start = performance.now();
    const options = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
    const answer = await this.#child.request(method, params, options);
    this.slowestMs = Math.max(this.slowestMs, performance.now() - start);
    return answer;
  }
}

function bytesOf(outputs: Record<string, unknown>): number {
  return Object.values(outputs).reduce<number>(
    (sum, output) =>
      sum + (isRecord(output) && output['data'] instanceof Uint8Array ? output['data'].byteLength : 0),
    0,
  );
}

function numeric(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new InvalidInputError('trial: not a number');
  return value;
}
