import { type Logger, type TrialRequest, type TrialResult } from '../../core/index.ts';
import { runTrial } from '../../inference/index.ts';
import { TRIAL_TIMEOUT_MS } from '../constants.ts';
import { NodeBusyError, RuntimeUnfitError } from '../errors.ts';
import type { Content } from './content.ts';
import type { Runtimes } from './runtimes.ts';

export interface TrialsComponents {
  content: Content;
  runtimes: Runtimes;
  log: Logger;
}

export interface TrialsInit {
  execPath: string | undefined;
  /** What a build under test may hold: what apps may use together here. */
  memoryMiB: number;
  /** What it may hold beside that where an emulator runs it. */
  overheadMiB: number | undefined;
}

/** Measures builds for the gateway, one request at a time: two at once would measure each other. */
export class Trials {
  readonly #init: TrialsInit;
  readonly #components: TrialsComponents;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(init: TrialsInit, components: TrialsComponents) {
    this.#init = init;
    this.#components = components;
  }

  /** @throws {NodeBusyError} @throws {RuntimeUnfitError} when the runtime has not been proven here */
  async run(request: TrialRequest, signal: AbortSignal): Promise<TrialResult> {
    if (this.#running !== undefined) throw new NodeBusyError();
    const limit = AbortSignal.any([signal, this.#stopping.signal, AbortSignal.timeout(TRIAL_TIMEOUT_MS)]);
    const trial = this.#measure(request, limit);
    this.#running = trial;
    try {
      return await trial;
    } finally {
      this.#running = undefined;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.catch(() => undefined);
  }

  async #measure(request: TrialRequest, signal: AbortSignal): Promise<TrialResult> {
    const { content, runtimes, log } = this.#components;
    const { manifest: digest, provider } = request.runtime;
    if (!runtimes.proven().some((one) => one.digest === digest && one.provider === provider))
      throw new RuntimeUnfitError(`the runtime ${digest} with ${provider} has not been proven on this node`);
    const { dir, manifest } = await runtimes.installed(digest);
    const blobs = [...request.builds, request.validation];
    const had = await Promise.all(blobs.map((blob) => content.blobs.has(blob.digest)));
    await content.fetch(
      blobs.map(({ digest: blob, size }) => ({ digest: blob, size })),
      signal,
    );
    const files: Record<string, string> = {};
    for (const { digest: blob } of blobs) files[blob] = await content.blobs.path(blob);
    try {
      return await runTrial({
        runtimeDir: dir,
        runtime: manifest,
        provider,
        request,
        files,
        ...this.#init,
        log,
        signal,
      });
    } finally {
      // A build that loses is of no more use here, and the one that wins is fetched with its package if it comes.
      for (const [i, { digest: blob }] of blobs.entries())
        if (had[i] === false) await content.blobs.delete(blob);
    }
  }
}
