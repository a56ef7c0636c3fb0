import type {
  AppManifest,
  CatalogEntry,
  Configuration,
  DeploymentHealth,
  DeploymentSpec,
  Digest,
  Install,
  ModelCard,
  Platform,
  RebuildReport,
  RecipeName,
  Rollout,
  RuntimeManifest,
  SiteEvent,
  TransferState,
  WaitingActions,
} from '../core/index.ts';

/** What a gateway tells to its API, console and command line: plain values that survive JSON. */

export interface Problem {
  code: string;
  message: string;
}

/** Some content, and the bytes that it takes on disk. */
export interface Amount {
  blobs: number;
  bytes: number;
}

/** What the gateway's store is used for. */
export interface StoreUse {
  /** When it was looked at. */
  at: number;
  /** What deployments, rollouts and nodes need. */
  needed: Amount;
  /** What nothing needs at present, and may be asked for again. */
  kept: Amount;
}

/** What the gateway's store got rid of. */
export interface Collected extends Omit<StoreUse, 'at'> {
  /** Nothing went; `collected` says what would. */
  dryRun: boolean;
  collected: Amount;
}

/** What became of models' builds since the gateway's start. */
export interface RebuildCounts {
  /** Candidates that were built, known from before, or could not be built. */
  built: number;
  reused: number;
  failed: number;
  /** Models that were made ready for a class, by whether their builds were measured for it. */
  measured: number;
  predicted: number;
}

export interface SiteSummary {
  name: string;
  /** The gateway's own peer id. */
  id: string;
  addresses: string[];
  bridge: BridgeStatus;
  nodes: { total: number; connected: number };
  deployments: number;
  /** Rollouts that have not ended. */
  rollouts: number;
  catalog: { apps: number; models: number; runtimes: number };
  /** What is on its way to the gateway. */
  transfers?: TransferState[];
  /** As it was looked at last. */
  store?: StoreUse;
  rebuilds?: RebuildCounts;
  startedAt: number;
}

export interface BridgeStatus {
  /** Undefined for a site that has no bridge. */
  address?: string;
  connected: boolean;
  /** Revision of the catalog as it was last listed; the list is kept while the uplink is down. */
  revision?: number;
  listedAt?: number;
  problem?: Problem;
  /** Releases that were listed and not taken: their signature is not by a trusted publisher. */
  refused: { kind: string; name: string; version: string; problem: Problem }[];
}

export interface NodeView {
  /** Peer id. */
  id: string;
  name: string;
  connected: boolean;
  fingerprint: Digest;
  /** Null as long as no runtime is proven there. */
  hardwareClass: string | null;
  configuration: Configuration;
  /** Milliseconds since 1970. */
  lastSeen: number;
  health: DeploymentHealth[];
  installs: Install[];
  /** Bytes of content received since its start. */
  received: { fromGateway: number; fromPeers: number };
  /** What its disk has left for packages. */
  diskFreeMiB?: number;
  /** What apps keep there to train with. */
  samples?: { kept: number; bytes: number; dropped: number; limited?: number | undefined };
  /** Actions that wait there for targets which are away or slow. */
  actions?: WaitingActions[];
  /** What is on its way to it. */
  transfers?: TransferState[];
  /** Why its last configuration was refused. */
  problem?: Problem;
}

/** One catalog entry with what stands beside its content, as far as that can be had now. */
export interface CatalogDetail {
  entry: CatalogEntry;
  /** All versions of it, newest first. */
  versions: string[];
  app?: AppManifest;
  card?: ModelCard;
  runtimes?: { platform: Platform; digest: Digest; manifest: RuntimeManifest }[];
  /** Why the rest is missing: the content is not here and the bridge cannot be reached. */
  problem?: Problem;
}

export type RequirementKind = 'runtime' | 'memory' | 'source' | 'action' | 'resource';

/** Something that a deployment needs and that a node does not give. */
export interface Unsatisfied {
  requirement: RequirementKind;
  message: string;
}

/** What one node would get, and why. */
export interface PlannedNode {
  node: string;
  name: string;
  /** Null without a proven runtime. */
  hardwareClass: string | null;
  runtime: string | null;
  /** Name of the app's variant; null where none fits. */
  variant: string | null;
  variantReason: string;
  memoryMiB: number;
  sources: string[];
  actions: Record<string, string>;
  /** By the app's name of what it needs: the node's name of the resource. Absent where it needs none. */
  resources?: Record<string, string>;
  unsatisfied: Unsatisfied[];
}

/** What a deployment would do, before anything is built. */
export interface DeploymentPlan {
  deployment: string;
  app: { name: string; version: string };
  models: Record<string, { name: string; version: string }>;
  nodes: PlannedNode[];
  /** True when every node that is selected can have it. */
  satisfiable: boolean;
}

/** Nodes that a deployment was taken from. */
export interface UndeployResult {
  deployment: string;
  /** One that is not connected hears of it when it comes back. */
  nodes: { node: string; name: string; connected: boolean }[];
}

/** What becomes of a node when its deployment goes back. */
export type WayBack =
  /** It goes back to a package that has run there. */
  | { node: string; name: string; how: 'back'; revision: number }
  /** It has that package, and was offered nothing since. */
  | { node: string; name: string; how: 'stays'; revision: number }
  /** Nothing of the deployment ran there then: the earlier version is made for it. */
  | { node: string; name: string; how: 'anew' };

/** A deployment on its way back to an earlier version. */
export interface RollbackResult {
  deployment: string;
  /** As of which revision it is again what it was. */
  to: number;
  app: { name: string; version: string };
  models: Record<string, { name: string; version: string }>;
  /** One that is not connected goes back when it comes back. */
  nodes: (WayBack & { connected: boolean })[];
  rollout: Rollout;
}

export interface DeployResult {
  plan: DeploymentPlan;
  /** Absent for a dry run. */
  rollout?: Rollout;
}

export interface DeploymentView {
  name: string;
  spec: DeploymentSpec;
  /** Of the newest package. */
  revision: number;
  app: { name: string; version: string };
  models: Record<string, { name: string; version: string }>;
  /** The nodes that belong to it, and where each one stands. */
  nodes: {
    node: string;
    name: string;
    revision: number | null;
    state: Install['state'] | 'pending';
    problem?: Problem;
    health?: DeploymentHealth;
  }[];
  /** Nodes that the selector picks and that cannot have it. */
  unfit: { node: string; name: string; unsatisfied: Unsatisfied[] }[];
  /** The newest rollout's id. */
  rollout: string | null;
  /** The revision that it went back to: it follows nothing new until it is deployed again. */
  heldAt?: number;
  createdAt: number;
}

/** Why a node has what it has. */
export interface Explanation {
  node: string;
  name: string;
  fingerprint: Digest;
  hardwareClass: string | null;
  runtime: { name: string; version: string; provider: string } | null;
  /** Runtimes that the gateway offered to it, and what became of them. */
  runtimes: {
    name: string;
    version: string;
    state: 'proven' | 'offered' | 'failed';
    /** Of one that is proven. */
    provider?: string;
  }[];
  deployments: {
    deployment: string;
    revision: number;
    app: string;
    variant: string | null;
    variantReason: string;
    unsatisfied: Unsatisfied[];
    models: Record<string, { model: string; recipe: RecipeName | null; report: RebuildReport | null }>;
  }[];
}

/** A sample that an app keeps on a node to train with. */
export interface NodeSample {
  deployment: string;
  name: string;
  bytes: number;
}

/** A site event as the gateway keeps it. The attachment's bytes are asked for by `attachment(id)`. */
export interface LoggedEvent extends Omit<SiteEvent, 'attachment'> {
  /** Grows by one with every event that the gateway logged. */
  id: number;
  /** Peer id. */
  node: string;
  nodeName: string;
  attachment?: { contentType: string; size: number } | undefined;
  /** Who has taken note of an alarm. */
  acknowledged?: Acknowledgement | undefined;
}

/** That somebody has taken note of an alarm. */
export interface Acknowledgement {
  /** Milliseconds since 1970. */
  at: number;
  by: string;
  note?: string | undefined;
}

export interface EventQuery {
  /** Only events with a larger id, oldest first; without it the newest ones, newest first. */
  after?: number;
  type?: SiteEvent['type'];
  /** A node's id or name. */
  node?: string;
  deployment?: string;
  /** Only alarms that nobody has acknowledged. */
  open?: boolean;
  /** Default 100. */
  limit?: number;
}

export interface InferRequest {
  deployment: string;
  /** A node's id or name; without it, one that runs the deployment, and another one where that fails. */
  node?: string;
  event: { kind: string; name: string; data: Uint8Array };
}

export interface InferAnswer {
  node: string;
  nodeName: string;
  /** What the app's handler returned: plain JSON. */
  result: unknown;
  tookMs: number;
}
