import { z } from 'zod';
import {
  type Digest,
  errorRecord,
  type FloormeshError,
  isDigest,
  type Logger,
  parseInstall,
  parseSiteEvents,
  parseWith,
  type SiteEvent,
} from '../core/index.ts';
import type { Mesh } from '../mesh/index.ts';
import {
  INFER_TIMEOUT_MS,
  NODE_CALL_TIMEOUT_MS,
  ROLLOUT_RETRY_MS,
  RUNTIME_RETRY_MIN_MS,
} from './constants.ts';
import { NoNodeError, NotFoundError } from './errors.ts';
import type { EventLog } from './events/index.ts';
import type { Assigner, RolloutBook, Rollouts } from './rollouts/index.ts';
import type { Roster, RosterNode } from './roster/index.ts';
import type { RuntimeOffers } from './runtimes/index.ts';
import type { InferAnswer, InferRequest } from './views.ts';

export interface NodeLinkComponents {
  mesh: Mesh;
  roster: Roster;
  book: RolloutBook;
  rollouts: Rollouts;
  assigner: Assigner;
  runtimes: RuntimeOffers;
  events: EventLog;
  log: Logger;
}

const MAX_INSTALLS = 2000;
const installsAnswer = z.object({ installs: z.array(z.unknown()).max(MAX_INSTALLS) });
const acceptAnswer = z.object({ accepted: z.number().int().nonnegative() });
/** Failures that say that this node can't do it now, and nothing of the event. */
const ELSEWHERE = [
  'ERR_PEER_UNREACHABLE',
  'ERR_RPC_REFUSED',
  'ERR_NODE_BUSY',
  'ERR_NOT_DEPLOYED',
  'ERR_APP_BROKEN',
  'ERR_APP_BUSY',
];

const inferAnswer = z.object({ result: z.unknown(), tookMs: z.number().nonnegative() });

/** The conversation between the gateway and its nodes: what they ask and tell, and what they are asked. */
export class NodeLink {
  readonly #components: NodeLinkComponents;
  #running: AbortController | undefined;
  #ends: (() => void)[] = [];
  /** Nodes that could not be offered everything, and when they are looked at again. */
  readonly #retries = new Map<string, { waitMs: number; timer: NodeJS.Timeout }>();

  constructor(components: NodeLinkComponents) {
    this.#components = components;
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    const { mesh, roster, rollouts, assigner, events } = this.#components;
    this.#ends = [
      mesh.handle('assignments', async (_request, { peer }) => assigner.of(peer)),
      mesh.handle('installed', async (request, { peer }) => {
        await rollouts.installed(this.#known(peer), parseInstall(request));
        return {};
      }),
      mesh.handle('events', async (request, { peer }) => {
        const node = this.#known(peer);
        const told = parseSiteEvents(request);
        const acknowledged = await events.append(node, told);
        for (const event of told) await this.#hearRuntimeFailure(node, event);
        return { acknowledged };
      }),
      roster.onChange((node, change) => {
        if (change === 'configuration') void this.#refit(node);
        if (change === 'connected' || change === 'configuration') void this.#greet(node);
      }),
    ];
    for (const node of roster.list()) {
      void this.#refit(node);
      if (node.connected) void this.#greet(node);
    }
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    for (const end of this.#ends.splice(0)) end();
    for (const { timer } of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
  }

  /** The catalog has changed: there may be runtimes that nodes should prove. */
  catalogChanged(): void {
    for (const node of this.#components.roster.list()) void this.#refit(node);
  }

  /** @throws {NotFoundError} @throws {PeerUnreachableError} (mesh) */
  async accept(
    node: RosterNode,
    deployment: string | undefined,
    options: { signal?: AbortSignal },
  ): Promise<{ accepted: number }> {
    const request = deployment === undefined ? {} : { deployment };
    const answer = await this.#components.mesh.call(node.id, 'accept', request, {
      timeoutMs: NODE_CALL_TIMEOUT_MS,
      ...options,
    });
    return parseWith(acceptAnswer, answer, 'answer to accept');
  }

  /**
   * Has a node handle an event; where it cannot, the next node that runs the deployment.
   *
   * @throws {NoNodeError} when no node is there to ask, else what the last one threw
   */
  async infer(request: InferRequest, options: { signal?: AbortSignal }): Promise<InferAnswer> {
    const { roster, book, mesh } = this.#components;
    const { spec, shares } = book.deployment(request.deployment);
    const wanted = request.node === undefined ? undefined : roster.find(request.node);
    const candidates = roster
      .list()
      .filter(
        ({ id, connected }) =>
          connected && (wanted === undefined ? shares[id] !== undefined : id === wanted.id),
      );
    const load = (node: RosterNode): number => {
      const health = node.health?.deployments.find(({ deployment }) => deployment === spec.name);
      return health?.state === 'running' ? health.p50Ms : Infinity;
    };
    candidates.sort((a, b) => load(a) - load(b) || (a.name < b.name ? -1 : 1));
    let failure: FloormeshError | Error = new NoNodeError(
      wanted === undefined
        ? `no connected node has the deployment ${spec.name}`
        : `node ${wanted.name} is not connected`,
    );
    for (const node of candidates) {
      try {
        const answer = await mesh.call(
          node.id,
          'infer',
          { deployment: spec.name, event: request.event },
          { timeoutMs: INFER_TIMEOUT_MS, ...options },
        );
        const { result, tookMs } = parseWith(inferAnswer, answer, 'answer to infer');
        return { node: node.id, nodeName: node.name, result, tookMs };
      } catch (error) {
        options.signal?.throwIfAborted();
        // What an app itself made of the event, another node's would make too, and act on it a second time.
        if (!ELSEWHERE.includes(errorRecord(error).code)) throw error;
        failure = error instanceof Error ? error : new NoNodeError(String(error));
      }
    }
    throw failure;
  }

  /** What a node runs is what it says: receipts that were lost are made up for. */
  async #greet(node: RosterNode): Promise<void> {
    const signal = this.#running?.signal;
    if (signal === undefined || !node.connected) return;
    const { mesh, assigner, rollouts, log } = this.#components;
    try {
      const answer = await mesh.call(node.id, 'installs', {}, { signal, timeoutMs: NODE_CALL_TIMEOUT_MS });
      const { installs } = parseWith(installsAnswer, answer, 'answer to installs');
      for (const install of installs.map(parseInstall)) await rollouts.installed(node, install);
    } catch (error) {
      if (signal.aborted) return;
      log.debug({ node: node.name, problem: errorRecord(error) }, 'a node did not tell its installs');
    }
    await assigner.push(node.id, signal);
  }

  /** A node is new or has changed: runtimes may be missing there, and deployments may come to something else. */
  async #refit(node: RosterNode): Promise<void> {
    const signal = this.#running?.signal;
    if (signal === undefined) return;
    const { runtimes, assigner, rollouts, log } = this.#components;
    try {
      if (await runtimes.prepare(node, signal)) await assigner.push(node.id, signal);
      this.#retry(node);
      rollouts.follow();
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ node: node.name, problem: errorRecord(error) }, 'runtimes could not be offered to a node');
    }
  }

  async #hearRuntimeFailure(node: RosterNode, event: SiteEvent): Promise<void> {
    const variant = failedRuntimeOf(event);
    if (variant === undefined) return;
    await this.#components.runtimes.failed(node, variant);
    void this.#refit(node);
  }

  /** What could not be pulled may come later: the uplink is back, the disk has room. */
  #retry(node: RosterNode): void {
    const before = this.#retries.get(node.id);
    clearTimeout(before?.timer);
    if (this.#running === undefined || this.#components.runtimes.problemOf(node) === undefined) {
      this.#retries.delete(node.id);
      return;
    }
    const waitMs = Math.min((before?.waitMs ?? RUNTIME_RETRY_MIN_MS) * 2, ROLLOUT_RETRY_MS);
    const timer = setTimeout(() => {
      const now = this.#components.roster.get(node.id);
      if (now !== undefined) void this.#refit(now);
    }, waitMs).unref();
    this.#retries.set(node.id, { waitMs, timer });
  }

  /** @throws {NotFoundError} for a peer that is no node yet; it tells its fingerprint and tries again */
  #known(peer: string): RosterNode {
    const node = this.#components.roster.get(peer);
    if (node === undefined) throw new NotFoundError(`${peer} has not told its configuration yet`);
    return node;
  }
}

const proofs = z.object({ proofs: z.array(z.object({ ok: z.boolean() })).min(1) });

/** The runtime variant of which an event says that no provider of it runs on the node. */
function failedRuntimeOf({ type, subject, details }: SiteEvent): Digest | undefined {
  if (type !== 'notice' || !isDigest(subject)) return undefined;
  const told = proofs.safeParse(details);
  return told.success && told.data.proofs.every(({ ok }) => !ok) ? subject : undefined;
}
