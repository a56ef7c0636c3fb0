import { errorRecord, type Logger, type PackageConfig } from '../../core/index.ts';
import type { ActionPayload, RunningApp } from '../../inference/index.ts';
import { Backoff } from '../backoff.ts';
import { APP_FAILURES, RESTART_DELAY_MAX_MS, RESTART_DELAY_MS } from '../constants.ts';

/** One installed version of a deployment. */
export interface AppVersion {
  revision: number;
  /** The installed package's folder. */
  dir: string;
  config: PackageConfig;
}

export type OnAction = (action: { name: string; eventId: string; payload: ActionPayload }) => Promise<void>;

export type StartApp = (
  version: AppVersion,
  options: { onAction: OnAction; signal?: AbortSignal },
) => Promise<RunningApp>;

export interface AppProcessComponents {
  startApp: StartApp;
  onAction: OnAction;
  log: Logger;
  /** The process ended by itself. */
  onExit: () => void;
  onBroken: (problem: { code: string; message: string }) => void;
}

/** Keeps one version's process alive: starts it again when it ends, more slowly each time, until it is clear that it can't. */
export class AppProcess {
  readonly version: AppVersion;
  readonly #components: AppProcessComponents;
  readonly #backoff = new Backoff(RESTART_DELAY_MS, RESTART_DELAY_MAX_MS);
  #app: RunningApp | undefined;
  #failures = 0;
  readonly #stopping = new AbortController();

  constructor(version: AppVersion, components: AppProcessComponents, app?: RunningApp) {
    this.version = version;
    this.#components = components;
    if (app !== undefined) this.#adopt(app);
  }

  get state(): 'running' | 'starting' | 'broken' | 'stopped' {
    if (this.#stopping.signal.aborted) return 'stopped';
    if (this.#failures >= APP_FAILURES) return 'broken';
    return this.#app === undefined ? 'starting' : 'running';
  }

  /** The running app, started again if it must be. Undefined when it is broken or was stopped. Never throws. */
  async app(until: AbortSignal): Promise<RunningApp | undefined> {
    const signal = AbortSignal.any([until, this.#stopping.signal]);
    while (this.#app === undefined && this.state === 'starting' && !signal.aborted) {
      if (this.#failures > 0) await this.#backoff.wait(signal);
      if (!signal.aborted) await this.#start(signal);
    }
    return this.#app;
  }

  /** An event was handled: what failed before is forgiven. */
  worked(): void {
    this.#failures = 0;
    this.#backoff.reset();
  }

  /** The process is gone or hangs: ends it, so that the next `app` starts another. */
  async crashed(error: unknown): Promise<void> {
    const app = this.#app;
    if (app === undefined) return;
    this.#app = undefined;
    this.#countFailure(error);
    await app.stop();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const app = this.#app;
    this.#app = undefined;
    await app?.stop();
  }

  async #start(signal: AbortSignal): Promise<void> {
    try {
      const { startApp, onAction } = this.#components;
      const app = await startApp(this.version, { onAction, signal });
      if (signal.aborted) await app.stop();
      else this.#adopt(app);
    } catch (error) {
      if (!signal.aborted) this.#countFailure(error);
    }
  }

  #adopt(app: RunningApp): void {
    this.#app = app;
    void Promise.resolve(app.exited).then((exit) => {
      if (this.#app !== app) return;
      this.#app = undefined;
      this.#countFailure(new Error(`the app's process ended: ${JSON.stringify(exit)}`));
      this.#components.onExit();
    });
  }

  #countFailure(error: unknown): void {
    this.#failures += 1;
    const { code, message } = errorRecord(error);
    const { deployment } = this.version.config;
    this.#components.log.warn({ deployment, code, message, failures: this.#failures }, 'an app failed');
    if (this.#failures === APP_FAILURES) this.#components.onBroken({ code, message });
  }
}
