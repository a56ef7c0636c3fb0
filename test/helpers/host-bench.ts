import type { Logger, PackageConfig } from '../../core/index.ts';
import { silentLogger } from '../../core/index.ts';
import { type AppServices, findSandbox, startApp } from '../../inference/index.ts';
import type { ActionRecord } from '../../node/actions/action.ts';
import { appState } from '../../node/app-services/app-state.ts';
import type { NewEvent } from '../../node/events/site-event.ts';
import { Activity } from '../../node/runtime-host/activity.ts';
import { EventJournal } from '../../node/runtime-host/event-journal.ts';
import { DeploymentHost } from '../../node/runtime-host/host.ts';
import { memoryState } from '../../store/index.ts';
import type { SourceInit } from '../../node/index.ts';
import { memorySource } from './memory-source.ts';
import { testSources } from './sources.ts';

/** One deployment of a node with its app in a real, sandboxed process, fed from this process. */
export interface HostBench {
  host: DeploymentHost;
  /** Outcomes by event id: each event must have one. */
  outcomes: Map<string, ('result' | 'failed')[]>;
  /** What the app returned, by event id. */
  results: Map<string, unknown>;
  actions: ActionRecord[];
  starts: () => number;
  emit: (name: string, data?: Uint8Array) => string;
}

export interface HostBenchInit {
  restartDelayMs?: number;
  /** Called when an action reaches the node. */
  onAction?: (record: ActionRecord) => void;
  /** Called when it is known what became of an event. */
  onOutcome?: () => void;
  log?: Logger;
  /** A real source, instead of one that is fed from this process. */
  source?: SourceInit;
}

export async function hostBench(init: HostBenchInit = {}): Promise<HostBench> {
  const { sandbox } = await findSandbox();
  const { restartDelayMs, onAction, onOutcome, log = silentLogger, source: real } = init;
  const name = real?.name ?? 'memory';
  const services: AppServices = { state: appState(memoryState(), 'line') };
  const source = memorySource();
  const outcomes: HostBench['outcomes'] = new Map();
  const results: HostBench['results'] = new Map();
  const actions: ActionRecord[] = [];
  let starts = 0;
  const note = ({ type, subject, details }: NewEvent): void => {
    if (!subject.startsWith(`${name}/`)) return;
    outcomes.set(subject, [...(outcomes.get(subject) ?? []), type === 'result' ? 'result' : 'failed']);
    if (type === 'result') results.set(subject, details?.['result']);
    onOutcome?.();
  };
  const host = new DeploymentHost(
    {
      deployment: 'line',
      node: 'bench',
      sources: [real ?? { name, type: 'timer', everyMs: 1000, event: 'message' }],
      bounds: { events: 100_000 },
      ...(restartDelayMs === undefined ? {} : { restartDelayMs }),
    },
    {
      startApp: async ({ dir, config }, options) => {
        starts += 1;
        return startApp({
          dir,
          config,
          sandbox,
          log,
          services: options.around?.(services) ?? services,
          ...options,
        });
      },
      sources: real === undefined ? source.kit : testSources(),
      journal: new EventJournal(memoryState(), 'line'),
      dispatch: async (_target, record) => {
        actions.push(record);
        onAction?.(record);
      },
      addEvent: async (event) => note(event),
      activity: new Activity(),
      log,
      clock: Date.now,
    },
  );
  return {
    host,
    outcomes,
    results,
    actions,
    starts: () => starts,
    emit: (name, data) => source.emit(name, data),
  };
}

/** The config of a package that is granted the bench's source. */
export function fedFromMemory(config: PackageConfig): PackageConfig {
  return { ...config, grants: { ...config.grants, sources: ['memory'] } };
}

/** The same, of an app that may have so many events at a time. */
export function inBatches(config: PackageConfig, batch: number): PackageConfig {
  return { ...config, app: { ...config.app, batch } };
}
