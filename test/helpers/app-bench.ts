import { readFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import {
  type AppManifest,
  type ModelCard,
  parseAppManifest,
  parseModelCard,
  type Session,
  type Settings,
} from '../../core/index.ts';
import type { ActionPayload, AppContext, AppDefinition, AppEvent } from '../../inference/app/index.ts';
import { localRuntime } from './onnxruntime.ts';

const ROOT = join(import.meta.dirname, '../..');
const APP_SDK = pathToFileURL(join(ROOT, 'inference/app/index.ts')).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'floormesh/app' ? { url: APP_SDK, shortCircuit: true } : next(specifier, context),
});

/** Imports a module of an app with `floormesh/app` meaning this source tree. */
export async function importAppModule<T>(path: string): Promise<T> {
  return (await import(pathToFileURL(join(ROOT, 'apps', path)).href)) as T;
}

export interface Act {
  name: string;
  payload: ActionPayload;
}

/** An app with real models on the runtime of this process, and a record of what it asked for. */
export interface AppBench {
  manifest: AppManifest;
  acts: Act[];
  context: AppContext;
  /** Runs a handler on data. */
  send(kind: string, data: Uint8Array, name?: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface AppBenchOptions {
  app: string;
  /** Folders of models by the name that the app's code uses. */
  models: Record<string, string>;
  variant?: string;
  settings?: Settings;
}

/** Loads a sample app and its models as a node would, without sandbox and package. */
export async function openApp(options: AppBenchOptions): Promise<AppBench> {
  const manifest = parseAppManifest(
    parse(await readFile(join(ROOT, 'apps', options.app, 'app.yaml'), 'utf8')),
  );
  const variant = manifest.variants.find(({ name }) => name === (options.variant ?? name));
  const { default: app } = await importAppModule<{ default: AppDefinition }>(
    `${options.app}/${manifest.main}`,
  );
  const models = new Map(
    await Promise.all(
      Object.entries(options.models).map(async ([name, folder]) => [name, await openModel(folder)] as const),
    ),
  );
  const acts: Act[] = [];
  const find = (name: string) => {
    const model = models.get(name);
    if (model === undefined) throw new TypeError(`no model ${name}`);
    return model;
  };
  const context: AppContext = {
    settings: { ...manifest.settings, ...variant?.settings, ...options.settings },
    signal: AbortSignal.timeout(manifest.deadlineMs),
    model: (name) => ({ card: find(name).card, file: find(name).file }),
    infer: (name, inputs) => find(name).session.run(inputs),
    act: async (name, payload) => void acts.push({ name, payload }),
    log: () => {},
  };
  await app.setup?.(context);
  return {
    manifest,
    acts,
    context,
    send: async (kind, data, name = 'test') => {
      const event: AppEvent = { id: 'event-1', kind, source: 'test', name, at: 0, data };
      return app.on[kind]!(event, context);
    },
    close: async () => {
      for (const { session } of models.values()) await session.close();
    },
  };
}

interface OpenModel {
  card: ModelCard;
  session: Session;
  file(name: string): Promise<Uint8Array>;
}

async function openModel(folder: string): Promise<OpenModel> {
  const card = parseModelCard(parse(await readFile(join(folder, 'model.yaml'), 'utf8')));
  return {
    card,
    session: await localRuntime.open(await readFile(join(folder, card.weights))),
    file: async (name) => {
      const path = card.files[name];
      if (path === undefined) throw new TypeError(`the model ${card.name} has no file ${name}`);
      return readFile(join(folder, path));
    },
  };
}
