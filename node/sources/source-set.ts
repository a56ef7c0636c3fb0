import { errorRecord, type Logger } from '../../core/index.ts';
import { Backoff } from '../backoff.ts';
import { RETRY_DELAY_MAX_MS, RETRY_DELAY_MS } from '../constants.ts';
import type { SourceInit } from '../init.ts';
import { createSource } from './create.ts';
import type { Source, SourceEvent, SourceSink } from './source.ts';

export interface SourceSetInit {
  /** What keeps this subscriber's sessions apart from others': node and deployment. */
  owner: string;
  sources: readonly SourceInit[];
}

export interface SourceSetComponents {
  log: Logger;
  /** Forgets what can't be told again. */
  journal: { forget(idPrefix: string, keep?: ReadonlySet<string>): Promise<void> };
  onEvent: (event: SourceEvent) => void;
}

/** The sources that one deployment was granted. */
export class SourceSet {
  readonly #init: SourceSetInit;
  readonly #components: SourceSetComponents;
  readonly #running = new Map<
    string,
    { source: Source; stopping: AbortController; started: Promise<void> }
  >();

  constructor(init: SourceSetInit, components: SourceSetComponents) {
    this.#init = init;
    this.#components = components;
  }

  /** Starts the sources of these names that do not run yet, and stops all others. One that fails is tried again. */
  async use(names: readonly string[]): Promise<void> {
    const unwanted = [...this.#running.keys()].filter((name) => !names.includes(name));
    await Promise.all(unwanted.map((name) => this.#stopOne(name)));
    for (const init of this.#init.sources) {
      if (!names.includes(init.name) || this.#running.has(init.name)) continue;
      const source = createSource(init, this.#init.owner, this.#components.log);
      const stopping = new AbortController();
      const started = this.#start(source, stopping.signal);
      this.#running.set(init.name, { source, stopping, started });
    }
  }

  async stop(): Promise<void> {
    await this.use([]);
  }

  async #stopOne(name: string): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    running?.stopping.abort();
    await running?.started;
    await running?.source.stop();
  }

  async #start(source: Source, signal: AbortSignal): Promise<void> {
    const { log } = this.#components;
    const backoff = new Backoff(RETRY_DELAY_MS, RETRY_DELAY_MAX_MS);
    while (!signal.aborted) {
      try {
        await source.start(this.#sinkOf(source));
        return;
      } catch (error) {
        log.warn(
          { source: source.name, ...errorRecord(error) },
          'a source cannot be opened, it is tried again',
        );
        await backoff.wait(signal);
      }
    }
  }

  #sinkOf(source: Source): SourceSink {
    const { journal, log, onEvent } = this.#components;
    const forget = (idPrefix: string, keep?: ReadonlySet<string>): void => {
      journal.forget(idPrefix, keep).catch((error: unknown) => {
        log.warn({ source: source.name, ...errorRecord(error) }, 'handled events could not be forgotten');
      });
    };
    return {
      emit: onEvent,
      gone: (idPrefix) => forget(idPrefix),
      present: (ids) => forget(`${source.name}/`, ids),
    };
  }
}
