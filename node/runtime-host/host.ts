import { randomUUID } from 'node:crypto';
import {
  type Comparison,
  type DeploymentHealth,
  InvalidInputError,
  type LendAnswer,
  type LendRequest,
  type LentAction,
  type Logger,
} from '../../core/index.ts';
import type { AppEvent, RunningApp } from '../../inference/index.ts';
import type { ActionRecord } from '../actions/action.ts';
import { LEND_BUSY_EVENTS } from '../constants.ts';
import { AppBrokenError, NotDeployedError } from '../errors.ts';
import type { NewEvent } from '../events/site-event.ts';
import type { SourceInit } from '../init.ts';
import { ownerOf, type SourceKit } from '../sources/kit.ts';
import { SourceSet } from '../sources/source-set.ts';
import type { SourceEvent } from '../sources/source.ts';
import { Wake } from '../wake.ts';
import type { Activity } from './activity.ts';
import { AppProcess, type AppVersion, type Problem, type StartApp } from './app-process.ts';
import { Comparisons } from './compare/comparisons.ts';
import { EventHandler } from './event-handler.ts';
import type { EventJournal } from './event-journal.ts';
import type { Elsewhere, ElsewhereComponents } from './fallback/elsewhere.ts';
import type { Rung } from './fallback/rungs.ts';
import { boundsOf, EventQueue, type QueueBounds, type QueuedEvent } from './event-queue.ts';
import { HostTeller } from './host-teller.ts';
import { Predecessor } from './predecessor.ts';
import { whereabouts } from './whereabouts.ts';
import { type Able, WorkLoop } from './work-loop.ts';

export interface HostInit {
  deployment: string;
  /** Name of the node. */
  node: string;
  /** All sources that the node has; the package says which ones are granted. */
  sources: readonly SourceInit[];
  bounds?: Partial<QueueBounds>;
  /** When an app that left home is tried there again; see `AppProcess`. */
  homeRetryMs?: number;
  restartDelayMs?: number;
}

export interface HostComponents {
  startApp: StartApp;
  /** How sources are opened. */
  sources: SourceKit;
  journal: EventJournal;
  dispatch: (target: string, record: ActionRecord) => Promise<void>;
  addEvent: (event: NewEvent) => Promise<unknown>;
  /** Told when the app has something to do, and when it has not. */
  activity: Pick<Activity, 'begin' | 'end'>;
  /** Where events go that can't be handled here. Without it, they wait. */
  elsewhere?: (onPlace: ElsewhereComponents['onPlace']) => Elsewhere;
  log: Logger;
  clock: () => number;
}

/** An event that another node sends, or that somebody asks for. */
type Lent = Omit<AppEvent, 'data'> & { data: Uint8Array };

/**
 * Runs one deployment: its sources fill one queue, its app empties it, see `WorkLoop`. Versions change between two events,
 * so that none is lost and none is handled twice.
 */
export class DeploymentHost {
  readonly #init: HostInit;
  readonly #components: HostComponents;
  readonly #queue: EventQueue;
  readonly #sources: SourceSet;
  readonly #wake = new Wake();
  readonly #stopping = new AbortController();
  readonly #handler: EventHandler;
  readonly #comparisons: Comparisons;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #teller: HostTeller;
  readonly #loop: WorkLoop;
  #droppedEvents = 0;
  #crashes = 0;
  #process: AppProcess | undefined;
  readonly #previous = new Predecessor();
  #next: { process: AppProcess; app: RunningApp | undefined; switched: () => void } | undefined;
  #working: Promise<void> | undefined;

  constructor(init: HostInit, components: HostComponents) {
    const { deployment, node, sources } = init;
    this.#init = init;
    this.#components = components;
    this.#teller = new HostTeller(deployment, components);
    this.#queue = new EventQueue((dropped) => this.#dropped(dropped), init.bounds);
    this.#handler = new EventHandler(deployment, {
      ...components,
      putBack: (entry) => this.#queue.putBack(entry),
      nowhere: () => this.#loop.nowhere(),
    });
    this.#comparisons = new Comparisons(components);
    this.#elsewhere = components.elsewhere?.((place, why) => this.#teller.place(place, why));
    this.#sources = new SourceSet(
      { deployment, owner: ownerOf(node, deployment), sources },
      {
        kit: components.sources,
        log: components.log,
        journal: components.journal,
        addEvent: components.addEvent,
        onEvent: (event) => this.#emit(event),
      },
    );
    this.#loop = new WorkLoop(deployment, {
      queue: this.#queue,
      sources: this.#sources,
      handler: this.#handler,
      comparisons: this.#comparisons,
      activity: components.activity,
      wake: this.#wake,
      isNextDue: () => this.#next !== undefined,
      takeOver: () => this.#switch(),
      isBetterReady: () => this.#process?.isBetterReady === true,
      able: (signal, idle) => this.#able(signal, idle),
      worked: (process) => this.#worked(process),
      log: components.log,
    });
  }

  get deployment(): string {
    return this.#init.deployment;
  }

  get revision(): number {
    return this.#process?.version.revision ?? 0;
  }

  /** The version before, while it stays loaded. */
  get predecessor(): number | undefined {
    return this.#previous.revision;
  }

  /** Memory that the version which runs was granted. */
  get grantedMiB(): number {
    return this.#process?.version.config.grants.memoryMiB ?? 0;
  }

  health(): DeploymentHealth {
    const { deployment } = this.#init;
    const state = this.#process?.state ?? 'stopped';
    const problem = this.#sources.problem();
    const comparison = this.#comparisons.state();
    return {
      deployment,
      revision: this.revision,
      state,
      ...this.#handler.counts(),
      dropped: this.#droppedEvents,
      crashes: this.#crashes,
      waiting: this.#queue.size,
      drop: this.#queue.drop,
      ...(problem === undefined ? {} : { problem: `${problem.code}: ${problem.message}`.slice(0, 300) }),
      ...whereabouts(this.#process, this.#previous.revision, this.#elsewhere?.place),
      ...(comparison === undefined ? {} : { comparison }),
    };
  }

  /** Whether it handles an event of that app for another node: its own app is at home, and its own events come first. */
  lends({ app, event }: Pick<LendRequest, 'app'> & { event: Pick<LendRequest['event'], 'kind'> }): boolean {
    const process = this.#process;
    if (process?.state !== 'running' || process.rung.step !== 'home') return false;
    const own = process.version.config.app;
    return own.name === app && own.events.includes(event.kind) && this.#queue.size < LEND_BUSY_EVENTS;
  }

  /** Handles an event of another node. Its actions are given back, not carried out. @throws as `infer` */
  async lend(event: Lent): Promise<LendAnswer> {
    const actions: LentAction[] = [];
    const result = await this.#request(event, actions);
    return { result: result ?? null, actions };
  }

  /** Starts a version beside the one that runs, without giving it events. @throws what `startApp` throws */
  async prepare(version: AppVersion, signal: AbortSignal): Promise<RunningApp> {
    return this.#comparisons.start(version, { onAction: this.#handler.onAction(version.config), signal });
  }

  /**
   * Where its package asks for it, holds a prepared version against the one that runs, on live events.
   *
   * @returns how it compared; undefined where nothing runs that it could be compared with
   * @throws {VersionsDisagreeError} @throws {NothingToCompareError} @throws the signal's reason
   */
  async compare(version: AppVersion, app: RunningApp, signal: AbortSignal): Promise<Comparison | undefined> {
    const { compare: spec } = version.config;
    if (spec === undefined || this.#process === undefined) return undefined;
    const compared = this.#comparisons.compare(version, app, { spec, against: this.revision, signal });
    if (this.#process.state === 'broken') this.#comparisons.nothingRuns();
    this.#wake.raise();
    return compared;
  }

  /**
   * Makes a version the one that gets the events, from one event to the next. Comes back when it does. The one before
   * stays loaded until the new one has shown that it works; where it breaks before that, the one before goes on.
   *
   * @param app its process, if there is one already
   */
  async activate(version: AppVersion, app?: RunningApp): Promise<void> {
    const process = this.#processOf(version, app);
    const before = this.#process;
    const switched = new Promise<void>((resolve) => {
      this.#next?.switched();
      this.#next = { process, app, switched: resolve };
    });
    this.#working ??= this.#loop.run(this.#stopping.signal);
    this.#wake.raise();
    // One that does not run has no event in work, and may be in a long wait before its next start.
    if (before !== undefined && before.state !== 'running') await before.stop();
    await switched;
    if (before?.state === 'running') this.#previous.keep(before, () => process.state !== 'broken');
    else await before?.stop();
    await this.#sources.use(version.config.grants.sources);
  }

  /** Has the app handle an event that somebody asks for. @throws what the app throws; {NotDeployedError} {AppBrokenError} */
  async infer(event: { kind: string; name: string; data: Uint8Array }): Promise<unknown> {
    const state = this.health().state;
    if (state === 'stopped') throw new NotDeployedError();
    if (state === 'broken' && this.#elsewhere === undefined) throw new AppBrokenError();
    const events: string[] = this.#process?.version.config.app.events ?? [];
    if (!events.includes(event.kind))
      throw new InvalidInputError(`the app handles ${events.join(', ')}, not ${event.kind}`);
    const at = this.#components.clock();
    return this.#request({ ...event, id: `request/${randomUUID()}`, source: 'request', at });
  }

  /** Queues an event that somebody waits for. */
  #request({ data, ...event }: Lent, gathered?: LentAction[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { byteLength: heldBytes } = data;
      this.#push({
        event: { ...event, heldBytes, replayable: false, read: async () => data },
        attempts: 0,
        actions: 0,
        settle: { resolve, reject },
        ...(gathered === undefined ? {} : { gathered }),
      });
    });
  }

  /** Ends everything. The event in work is finished first. */
  async stop(): Promise<void> {
    await this.#sources.stop();
    this.#stopping.abort();
    this.#next?.switched();
    await this.#working;
    for (const { settle } of this.#queue.clear()) settle?.reject(new NotDeployedError('the node stops'));
    await Promise.all([this.#process?.stop(), this.#next?.process.stop(), this.#previous.letGo()]);
  }

  #processOf(version: AppVersion, app: RunningApp | undefined): AppProcess {
    return new AppProcess(
      version,
      {
        startApp: (started, options) => this.#comparisons.start(started, options),
        log: this.#components.log,
        onAction: this.#handler.onAction(version.config),
        onChange: () => this.#wake.raise(),
        onRung: (rung, problem) => this.#onRung(version, rung, problem),
        onBroken: (problem) => this.#brokenNow(version, problem),
        onFailure: () => (this.#crashes += 1),
      },
      app,
      { homeRetryMs: this.#init.homeRetryMs, restartDelayMs: this.#init.restartDelayMs },
    );
  }

  #emit(event: SourceEvent): void {
    const config = (this.#next?.process ?? this.#process)?.version.config;
    if (config?.app.events.includes(event.kind) !== true) {
      this.#components.log.debug({ event: event.id, kind: event.kind }, 'the app handles no such events');
      event.done?.();
      return;
    }
    // A source may tell a file twice (found at the start, and seen by the watcher).
    const known = this.#handler.isHandling(event.id) || (event.replayable && this.#queue.has(event.id));
    if (known) event.done?.();
    else this.#push({ event, attempts: 0, actions: 0 });
  }

  #push(entry: QueuedEvent): void {
    this.#queue.push(entry);
    if (this.#queue.drop === 'block' && this.#queue.isFull) this.#sources.pause();
    this.#wake.raise();
  }

  #dropped({ event, settle }: QueuedEvent): void {
    this.#droppedEvents += 1;
    this.#components.log.debug({ event: event.id }, 'an event was dropped: too many wait');
    event.done?.();
    settle?.reject(new AppBrokenError('too many events wait for this app'));
  }

  /** What handles the next event: this version; where it is broken the one before, or somebody elsewhere. */
  async #able(signal: AbortSignal, idle: boolean): Promise<Able> {
    const process = this.#process;
    const own = await process?.app(signal, idle);
    if (own !== undefined) return { app: own, process, batch: process?.version.config.app.batch ?? 1 };
    const before = process?.state === 'broken' ? await this.#previous.app(signal) : undefined;
    if (before !== undefined) return { app: before, process: this.#previous, batch: 1 };
    return { app: this.#away(), process: undefined, batch: 1 };
  }

  /** What handles events while the app is broken here, if there is anything. */
  #away(): Pick<RunningApp, 'handle'> | undefined {
    const [process, elsewhere] = [this.#process, this.#elsewhere];
    if (elsewhere === undefined || process?.state !== 'broken') return undefined;
    const onAction = this.#handler.onAction(process.version.config);
    return {
      handle: (event, { signal = this.#stopping.signal } = {}) =>
        elsewhere.handle(process.version, event, onAction, signal),
    };
  }

  #worked(process: Able['process']): void {
    process?.worked();
    if (process !== undefined && process === this.#process) this.#previous.confirm();
  }

  #switch(): void {
    if (this.#next === undefined) return;
    const { process, app } = this.#next;
    if (app !== undefined) this.#comparisons.open(app);
    this.#process = process;
    this.#queue.limit(boundsOf(process.version.config.app.queue, this.#init.bounds));
    this.#elsewhere?.ended();
    this.#next.switched();
    this.#next = undefined;
  }

  #brokenNow(version: AppVersion, problem: Problem): void {
    this.#comparisons.nothingRuns();
    this.#teller.broken(version, problem);
    const { revision: previous } = this.#previous;
    if (previous !== undefined)
      return this.#teller.place({ step: 'previous', where: `revision ${previous}` }, problem.message);
    if (this.#elsewhere !== undefined) return this.#wake.raise();
    for (const entry of this.#queue.clear())
      if (entry.settle === undefined) this.#queue.push(entry);
      else entry.settle.reject(new AppBrokenError());
  }

  #onRung(version: AppVersion, rung: Rung, problem?: Problem): void {
    this.#elsewhere?.ended();
    this.#teller.rung(version, rung, problem);
  }
}
