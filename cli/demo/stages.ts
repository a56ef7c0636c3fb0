import { join } from 'node:path';
import type { Rollout } from '../../core/index.ts';
import type { DeploymentView, DeployResult, Explanation, NodeView } from '../../gateway/index.ts';
import { type SampleModel, writeModels } from '../../apps/make/index.ts';
import { packFolder, publishInto } from '../publish.ts';
import { appFolder } from './folders.ts';
import type { Feed } from './feed.ts';
import type { Observer } from './observer.ts';
import { DEPLOYMENTS } from './plan.ts';
import type { DemoSite } from './site.ts';
import type { Told } from './tally.ts';

/** What every stage works on. */
export interface Scene {
  site: DemoSite;
  feed: Feed;
  observer: Observer;
  signal: AbortSignal;
  say(line: string): void;
}

/** How long nothing may go on at the site while one waits for it. */
const JOIN_PATIENCE_MS = 90_000;
const ROLLOUT_PATIENCE_MS = 300_000;
const WORK_PATIENCE_MS = 90_000;
/** Emulated machines are 5 to 30 times slower. */
const EMULATED_FACTOR = 8;

/** Fills the catalog: two apps, three models. The runtimes are there since the bridge was made. */
export async function fillCatalog(site: DemoSite, signal: AbortSignal): Promise<void> {
  for (const model of ['label-detector', 'label-recogniser', 'impulse'] as const)
    await publishModel(site, model, signal);
  for (const app of ['label-reader', 'impulse-alert']) await publishFolder(site, appFolder(app), signal);
}

async function publishModel(site: DemoSite, model: SampleModel, signal: AbortSignal): Promise<void> {
  const written = await writeModels(join(site.dir, 'models'), { only: [model], signal });
  for (const { path } of written) await publishFolder(site, path, signal);
}

async function publishFolder(site: DemoSite, dir: string, signal: AbortSignal): Promise<void> {
  await publishInto(site.folder('bridge'), site.publisherKeyFile, (blobs, { previous }) =>
    packFolder(dir, blobs, { signal, previous }),
  );
}

/** Waits until every node is known by its fingerprint and has tried every runtime that it was offered. */
export async function joinSite(scene: Scene): Promise<void> {
  const { observer, site } = scene;
  const nodes = await observer.until(
    'every node joins and proves its runtimes',
    patience(scene, JOIN_PATIENCE_MS),
    async () => {
      const known = await observer.client.get<NodeView[]>('nodes');
      if (known.length < site.nodes.length || known.some((node) => node.hardwareClass === null))
        return undefined;
      const explained = await explanations(scene);
      const trying = explained.some(({ runtimes }) => runtimes.some(({ state }) => state === 'offered'));
      return trying ? undefined : known;
    },
  );
  for (const node of nodes) scene.say(`  ${node.name}: ${node.hardwareClass}`);
}

/** Makes the three deployments and waits until their first rollouts are done. */
export async function deploy(scene: Scene): Promise<void> {
  const { client } = scene.observer;
  const cameras = scene.site.nodes.filter(({ camera }) => camera !== 'none').map(({ name }) => name);
  const microphones = scene.site.nodes.filter(({ microphone }) => microphone).map(({ name }) => name);
  const dock = 'cart-3';
  const specs = [
    {
      name: DEPLOYMENTS.lines,
      app: 'label-reader',
      to: cameras.filter((name) => name !== dock).join(','),
      autoUpdate: true,
    },
    { name: DEPLOYMENTS.dock, app: 'label-reader', to: dock, objective: 'memory' },
    { name: DEPLOYMENTS.sound, app: 'impulse-alert', to: microphones.join(','), autoUpdate: true },
  ];
  for (const spec of specs) await client.post<DeployResult>('deployments', spec);
  for (const { name } of specs) await rolledOut(scene, name);
}

/** Waits until the newest revision of a deployment runs on all of its nodes, and holds what is asked of it. */
async function rolledOut(
  scene: Scene,
  deployment: string,
  holds: (view: DeploymentView) => boolean = () => true,
): Promise<void> {
  const { observer } = scene;
  let told: string | undefined;
  await observer.until(`${deployment} runs`, patience(scene, ROLLOUT_PATIENCE_MS), async () => {
    const view = await observer.client.get<DeploymentView>(`deployments/${deployment}`);
    if (view.rollout !== null) {
      const { problem } = await observer.client.get<Rollout>(`rollouts/${view.rollout}`);
      if (problem !== undefined && problem.message !== told) scene.say(`  ${deployment}: ${problem.message}`);
      told = problem?.message;
    }
    const active = view.nodes.filter((node) => node.state === 'active' && node.revision === view.revision);
    return view.nodes.length > 0 && active.length === view.nodes.length && holds(view) ? view : undefined;
  });
}

/** Whether a deployment means the new recogniser. */
function isUpdated({ models }: DeploymentView): boolean {
  return models.recogniser?.version.startsWith('2.') === true;
}

/** Waits until everything that was shown so far has a result. */
export async function worked(scene: Scene): Promise<void> {
  const { observer, feed } = scene;
  const keyOf = ({ deployment, node, name }: Pick<Told, 'deployment' | 'node' | 'name'>): string =>
    `${deployment}/${node}/${name}`;
  await observer.until('everything that was shown is handled', patience(scene, WORK_PATIENCE_MS), () => {
    const told = new Set(observer.told('result').map(keyOf));
    return feed.shown.every((item) => told.has(keyOf(item))) ? true : undefined;
  });
}

/**
 * Publishes the recogniser's next version while pictures keep coming. Deployments with auto-update take it; the other
 * one is told, and takes it when the operator accepts.
 */
export async function update(scene: Scene): Promise<void> {
  const { site, observer, feed } = scene;
  await feed.pictures(site.nodes, 3);
  await publishModel(site, 'label-recogniser-2', scene.signal);
  await observer.until(
    'the node without auto-update waits for consent',
    patience(scene, ROLLOUT_PATIENCE_MS),
    async () => {
      const view = await observer.client.get<DeploymentView>(`deployments/${DEPLOYMENTS.dock}`);
      return isUpdated(view) && view.nodes.some((node) => node.state === 'awaiting-consent')
        ? true
        : undefined;
    },
  );
  scene.say('  cart-3 waits for consent; floormesh node accept cart-3');
  await feed.pictures(site.nodes, 3);
  await rolledOut(scene, DEPLOYMENTS.lines, isUpdated);
  await observer.client.post('nodes/cart-3/accept', { deployment: DEPLOYMENTS.dock });
  await rolledOut(scene, DEPLOYMENTS.dock, isUpdated);
  await feed.pictures(site.nodes, 3);
  await worked(scene);
}

/** Stops the bridge, cuts the power of a node, and sees the site go on; the node resumes by itself. */
export async function liveOn(scene: Scene): Promise<void> {
  const { site, feed } = scene;
  await site.process('bridge').stop();
  await site.process('press-1').kill();
  await feed.pictures(site.nodes, 3);
  await site.run('press-1');
  await worked(scene);
}

/** Explanations of every node: which build was chosen, against which. */
export async function explanations(scene: Scene): Promise<Explanation[]> {
  return Promise.all(
    scene.site.nodes.map(({ name }) => scene.observer.client.get<Explanation>(`explain/${name}`)),
  );
}

function patience(scene: Scene, ms: number): number {
  return scene.site.nodes.some(({ emulate }) => emulate !== undefined) ? ms * EMULATED_FACTOR : ms;
}
