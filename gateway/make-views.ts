import {
  type CatalogEntry,
  type CatalogKind,
  chosenOf,
  entriesOf,
  hardwareClassOf,
  type Rollout,
} from '../core/index.ts';
import type { Mesh } from '../mesh/index.ts';
import type { RebuildEngine } from './rebuild/index.ts';
import type { Content } from './pull/index.ts';
import { type DeploymentRecord, keyOf, type Planner, type RolloutBook } from './rollouts/index.ts';
import type { RosterNode, Roster } from './roster/index.ts';
import type { RuntimeOffers } from './runtimes/index.ts';
import { LOOK_TIMEOUT_MS } from './constants.ts';
import type {
  BridgeStatus,
  DeploymentView,
  Explanation,
  NodeView,
  RebuildCounts,
  SiteSummary,
  StoreUse,
} from './views.ts';

/** The site as others are shown it. */
export function siteSummary(
  name: string,
  about: {
    mesh: Mesh;
    entries: readonly CatalogEntry[];
    bridge: BridgeStatus;
    roster: Roster;
    book: RolloutBook;
    store: StoreUse | undefined;
    rebuilds: RebuildCounts;
    startedAt: number;
  },
): SiteSummary {
  const { mesh, entries, bridge, roster, book, store, rebuilds, startedAt } = about;
  const nodes = roster.list();
  const names = (kind: CatalogKind): number =>
    new Set(entriesOf(entries, kind).map((entry) => entry.name)).size;
  return {
    name,
    id: mesh.peerId,
    addresses: mesh.addresses(),
    bridge,
    nodes: { total: nodes.length, connected: nodes.filter(({ connected }) => connected).length },
    deployments: book.deployments().length,
    rollouts: book.unfinished().length,
    catalog: { apps: names('app'), models: names('model'), runtimes: names('runtime') },
    transfers: mesh.swarm.transfers(),
    ...(store === undefined ? {} : { store }),
    rebuilds,
    startedAt,
  };
}

/** A node as others are shown it. */
export function nodeView(
  node: RosterNode,
  { book, runtimes }: { book: RolloutBook; runtimes: RuntimeOffers },
): NodeView {
  const { id, name, connected, fingerprint, configuration, lastSeen, health } = node;
  const problem = node.problem ?? runtimes.problemOf(node);
  return {
    id,
    name,
    connected,
    fingerprint,
    hardwareClass: hardwareClassOf(configuration)?.id ?? null,
    configuration,
    lastSeen,
    health: health?.deployments ?? [],
    installs: book.receipts(id),
    received: health?.received ?? { fromGateway: 0, fromPeers: 0 },
    ...(health?.samples === undefined ? {} : { samples: health.samples }),
    ...(health?.diskFreeMiB === undefined ? {} : { diskFreeMiB: health.diskFreeMiB }),
    ...(health?.actions?.length ? { actions: health.actions } : {}),
    ...(connected && health?.transfers?.length ? { transfers: health.transfers } : {}),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** A deployment as others are shown it: where every node of it stands, and which selected ones can't have it. */
export async function deploymentView(
  record: DeploymentRecord,
  components: { roster: Roster; book: RolloutBook; planner: Planner },
): Promise<DeploymentView> {
  const { roster, book, planner } = components;
  const { spec, revision, app, models, rollout, held, createdAt } = record;
  const newest = rollout === null ? undefined : book.findRollout(rollout)?.rollout;
  const nodes = Object.values(record.shares).map((share) => {
    const node = roster.get(share.node);
    const health = node?.health?.deployments.find(({ deployment }) => deployment === spec.name);
    return {
      node: share.node,
      name: node?.name ?? share.name,
      ...standing(share.node, spec.name, newest, book),
      ...(health === undefined ? {} : { health }),
    };
  });
  nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  // Without the uplink a new app's manifest may be out of reach; the rest of the view does not depend on it.
  const plan = await planner.plan(spec).catch(() => undefined);
  const unfit = plan?.view.nodes.filter((node) => node.unsatisfied.length > 0) ?? [];
  return {
    name: spec.name,
    spec,
    revision,
    app,
    models,
    nodes,
    unfit: unfit.map(({ node, name, unsatisfied }) => ({ node, name, unsatisfied })),
    rollout,
    ...(held === undefined ? {} : { heldAt: held.at }),
    createdAt,
  };
}

/** By the newest rollout where the node is in it, else by what the node said last. */
function standing(
  node: string,
  deployment: string,
  rollout: Rollout | undefined,
  book: RolloutBook,
): Pick<DeploymentView['nodes'][number], 'revision' | 'state' | 'problem'> {
  const receipt = book.receipts(node).find((install) => install.deployment === deployment);
  const part = rollout?.nodes.find((candidate) => candidate.node === node);
  if (part !== undefined && rollout !== undefined) {
    const { state, problem } = part;
    const known = state === 'pending' ? (receipt?.revision ?? null) : rollout.revision;
    return { revision: known, state, ...(problem === undefined ? {} : { problem }) };
  }
  if (receipt === undefined) return { revision: null, state: 'pending' };
  const { revision, state, problem } = receipt;
  return { revision, state, ...(problem === undefined ? {} : { problem }) };
}

/** Why a node has what it has. */
export async function explanationOf(
  node: RosterNode,
  records: readonly DeploymentRecord[],
  components: {
    engine: RebuildEngine;
    content: Content;
    planner: Planner;
    runtimes: RuntimeOffers;
  },
): Promise<Explanation> {
  const { engine, content, planner, runtimes } = components;
  const target = hardwareClassOf(node.configuration);
  const deployments: Explanation['deployments'] = [];
  for (const { spec, app, revision, shares } of records) {
    const share = shares[node.id];
    const plan = await planner.plan(spec).catch(() => undefined);
    const planned = plan?.view.nodes.find((candidate) => candidate.node === node.id);
    if (share === undefined && planned === undefined) continue;
    const models: Explanation['deployments'][number]['models'] = {};
    for (const [alias, entry] of Object.entries(share?.models ?? {})) {
      const options = { timeoutMs: LOOK_TIMEOUT_MS };
      const key =
        share === undefined
          ? undefined
          : await keyOf(spec, share, entry, { content, options }).catch(() => undefined);
      const report = key === undefined ? undefined : await engine.report(key);
      models[alias] = {
        model: `${entry.name} ${entry.version}`,
        recipe: report === undefined ? null : chosenOf(report).recipe,
        report: report ?? null,
      };
    }
    deployments.push({
      deployment: spec.name,
      revision,
      app: share === undefined ? `${app.name} ${app.version}` : `${share.app.name} ${share.app.version}`,
      variant: share?.variant ?? planned?.variant ?? null,
      variantReason: share?.variantReason ?? planned?.variantReason ?? '',
      unsatisfied: planned?.unsatisfied ?? [],
      models,
    });
  }
  const runtime = target?.runtime;
  return {
    node: node.id,
    name: node.name,
    fingerprint: node.fingerprint,
    hardwareClass: target?.id ?? null,
    runtime:
      runtime === undefined
        ? null
        : { name: runtime.name, version: runtime.version, provider: runtime.provider },
    runtimes: runtimes.explain(node),
    deployments,
  };
}
