import {
  advanceRollout,
  canonicalJson,
  type DeploymentSpec,
  dueNodes,
  errorRecord,
  type Install,
  type Logger,
  parseDeploymentSpec,
  type Rollout,
  type RolloutEvent,
} from '../../core/index.ts';
import { ROLLOUT_RETRY_MS } from '../constants.ts';
import { RolloutEndedError } from '../errors.ts';
import { pause } from '../pause.ts';
import type { Roster, RosterNode } from '../roster/index.ts';
import { Turns } from '../rebuild/index.ts';
import type { RuntimeOffers } from '../runtimes/index.ts';
import type { DeployResult } from '../views.ts';
import type { Assigner } from './assign.ts';
import { beginRollout, resumeRollout, supersedeRollout, unsettledNodes } from './begin.ts';
import { hasEnded, type RolloutBook } from './book.ts';
import { type Planner, requireSatisfiable, type WholePlan } from './planner.ts';
import { passes, type PrepareComponents, type Prepared, prepareShares } from './prepare.ts';
import type { DeploymentRecord, RolloutRecord } from './records.ts';
import type { Share } from './share.ts';

export interface RolloutsComponents extends PrepareComponents {
  book: RolloutBook;
  planner: Planner;
  assigner: Assigner;
  roster: Roster;
  runtimes: RuntimeOffers;
  log: Logger;
  clock: () => number;
}

/**
 * Deployments on their way to nodes. What is decided is on disk before anybody acts on it, so a restart goes on where
 * the last run ended; builds that were cut off begin again and find what was built. Decisions are taken one at a time.
 */
export class Rollouts {
  readonly #components: RolloutsComponents;
  readonly #turns = new Turns(1);
  readonly #building = new Map<string, AbortController>();
  readonly #builds = new Set<Promise<void>>();
  #running: AbortController | undefined;
  #following: Promise<void> | undefined;
  #followAgain = false;
  /** Ends the wait of rollouts that lack content which somebody who came may have. */
  #wake = new AbortController();

  constructor(components: RolloutsComponents) {
    this.#components = components;
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    for (const { rollout } of this.#components.book.unfinished())
      if (rollout.state === 'planning' || rollout.state === 'rebuilding') this.#build(rollout.id);
      else void this.#change(rollout.id, (same) => same).catch((error: unknown) => this.#complain(error));
    this.follow();
  }

  /** Resolves when no build runs any more. */
  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    this.#building.clear();
    await Promise.allSettled([...this.#builds, this.#following]);
  }

  /** See `Gateway.deploy`. */
  async deploy(input: unknown, options: { signal?: AbortSignal; dryRun?: boolean }): Promise<DeployResult> {
    const spec = parseDeploymentSpec(input);
    const plan = await this.#components.planner.plan(spec, options);
    if (options.dryRun === true) return { plan: plan.view };
    requireSatisfiable(plan.view, spec.to);
    const signal = options.signal ?? this.#signal();
    const rollout = await this.#turns.run(signal, () => this.#deploy(spec, plan));
    return { plan: plan.view, rollout };
  }

  async pause(id: string): Promise<Rollout> {
    return this.#change(id, (rollout) =>
      advanceRollout(this.#going(rollout), { type: 'pause' }, this.#now()),
    );
  }

  async resume(id: string): Promise<Rollout> {
    const rollout = await this.#change(id, (before) => resumeRollout(this.#going(before), this.#now()));
    if (rollout.state === 'rebuilding') this.#build(id);
    this.#tryAgain();
    for (const { node } of rollout.nodes) void this.#components.assigner.push(node, this.#signal());
    return rollout;
  }

  /** Looks whether catalog or nodes have changed what any deployment comes to. Calls that come meanwhile share a look. */
  follow(): void {
    this.#tryAgain();
    if (this.#following !== undefined) {
      this.#followAgain = true;
      return;
    }
    this.#following = this.#followAll()
      .catch((error: unknown) => this.#complain(error))
      .finally(() => (this.#following = undefined));
  }

  /** A node's receipt. */
  async installed(node: RosterNode, install: Install): Promise<void> {
    const { book } = this.#components;
    await book.putReceipt(node.id, install);
    const id = `${install.deployment}-${install.revision}`;
    const record = book.findRollout(id);
    const part = record?.rollout.nodes.find((candidate) => candidate.node === node.id);
    if (part === undefined || part.package !== install.package) return;
    const { state, problem } = install;
    await this.#change(id, (rollout) =>
      advanceRollout(
        rollout,
        { type: 'install', node: node.id, state, ...(problem === undefined ? {} : { problem }) },
        this.#now(),
      ),
    );
  }

  /** Rollouts that lack something look for it now. */
  #tryAgain(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  async #deploy(spec: DeploymentSpec, { view, shares }: WholePlan): Promise<Rollout> {
    const { book } = this.#components;
    const before = book.findDeployment(spec.name);
    const kept = new Set(shares.map(({ node }) => node));
    const remaining = <T>(record: Record<string, T> | undefined): Record<string, T> =>
      Object.fromEntries(Object.entries(record ?? {}).filter(([node]) => kept.has(node)));
    const record: DeploymentRecord = {
      revision: before?.revision ?? 0,
      createdAt: before?.createdAt ?? this.#now(),
      rollout: before?.rollout ?? null,
      spec,
      app: view.app,
      models: view.models,
      shares: remaining(before?.shares),
      offers: remaining(before?.offers),
    };
    const dropped = Object.keys(before?.offers ?? {}).filter((node) => !kept.has(node));
    const news = shares.filter((share) => this.#isNews(record, share));
    const rollout = await this.#begin(record, news, true);
    for (const node of dropped) void this.#components.assigner.push(node, this.#signal());
    return rollout;
  }

  /** For a person who deploys again, also what failed or waits for consent is news. */
  #isNews({ spec, shares, offers }: DeploymentRecord, share: Share): boolean {
    if (shares[share.node]?.key !== share.key) return true;
    const offer = offers[share.node];
    const { book } = this.#components;
    const receipt = book
      .receipts(share.node)
      .find(({ deployment, revision }) => deployment === spec.name && revision === offer?.revision);
    return receipt?.state === 'failed' || receipt?.state === 'awaiting-consent';
  }

  /** Begins a rollout for these shares and for what an unfinished one leaves; without any, the last one stands. */
  async #begin(record: DeploymentRecord, news: readonly Share[], asked: boolean): Promise<Rollout> {
    const { book, roster } = this.#components;
    const older = book.unfinished(record.spec.name);
    const last = record.rollout === null ? undefined : book.findRollout(record.rollout);
    if (news.length === 0 && last !== undefined) {
      await book.putDeployment(record);
      return last.rollout;
    }
    const fresh = new Set(news.map(({ node }) => node));
    const inherited = older
      .flatMap(({ rollout }) => unsettledNodes(rollout))
      .flatMap((node) => (fresh.has(node) ? [] : [record.shares[node]]))
      .filter((share) => share !== undefined);
    const begun = beginRollout(record, [...news, ...new Set(inherited)], {
      asked,
      now: this.#now(),
      isConnected: (node) => roster.get(node)?.connected === true,
    });
    await book.putRollout(begun.rollout);
    await book.putDeployment(begun.deployment);
    for (const { rollout, ...rest } of older) {
      this.#building.get(rollout.id)?.abort();
      await book.putRollout({ ...rest, rollout: supersedeRollout(rollout, this.#now()) });
    }
    const { id, deployment, revision, summary } = begun.rollout.rollout;
    this.#components.log.info({ rollout: id, deployment, revision, summary }, 'a rollout begins');
    this.#build(id);
    return begun.rollout.rollout;
  }

  async #followAll(): Promise<void> {
    do {
      this.#followAgain = false;
      for (const { spec } of this.#components.book.deployments()) {
        const signal = this.#running?.signal;
        if (signal === undefined || signal.aborted) return;
        try {
          await this.#followOne(spec.name, signal);
        } catch (error) {
          if (signal.aborted) return;
          const { code, message } = errorRecord(error);
          this.#components.log.warn(
            { deployment: spec.name, code, message },
            'a deployment was not looked at',
          );
        }
      }
    } while (this.#followAgain);
  }

  async #followOne(name: string, signal: AbortSignal): Promise<void> {
    const { book, planner, roster, runtimes } = this.#components;
    const { view, shares } = await planner.plan(book.deployment(name).spec, { signal });
    await this.#turns.run(signal, async () => {
      const record = book.deployment(name);
      const news = shares.filter((share) => {
        const node = roster.get(share.node);
        return record.shares[share.node]?.key !== share.key && node !== undefined && runtimes.settled(node);
      });
      if (news.length === 0 || this.#isHeld(record, view)) return;
      await this.#begin({ ...record, app: view.app, models: view.models }, news, false);
    });
  }

  /** A paused rollout is not overtaken because a node came; only something new in the catalog may mend it. */
  #isHeld({ spec, app, models }: DeploymentRecord, view: WholePlan['view']): boolean {
    const paused = this.#components.book
      .unfinished(spec.name)
      .some(({ rollout }) => rollout.state === 'paused');
    return paused && canonicalJson([app, models]) === canonicalJson([view.app, view.models]);
  }

  /** Pulls, rebuilds and packs in the background, again and again while what is missing may still come. */
  #build(id: string): void {
    const running = this.#running;
    if (running === undefined || this.#building.has(id)) return;
    const controller = new AbortController();
    const signal = AbortSignal.any([running.signal, controller.signal]);
    this.#building.set(id, controller);
    const build = this.#buildUntilDone(id, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#complain(error);
      })
      .finally(() => {
        if (this.#building.get(id) === controller) this.#building.delete(id);
        this.#builds.delete(build);
      });
    this.#builds.add(build);
  }

  async #buildUntilDone(id: string, signal: AbortSignal): Promise<void> {
    const { book } = this.#components;
    await this.#apply(id, { type: 'rebuilding' });
    for (;;) {
      const { rollout } = book.rollout(id);
      const deployment = book.deployment(rollout.deployment);
      const shares = rollout.nodes.flatMap(({ node }) => deployment.shares[node] ?? []);
      try {
        const prepared = await prepareShares(deployment, rollout.revision, shares, this.#components, signal);
        await this.#planned(id, prepared);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const { code, message } = errorRecord(error);
        this.#components.log.warn({ rollout: id, code, message }, 'a rollout lacks something');
        if (!passes(error)) {
          await this.#apply(id, { type: 'fail', problem: { code, message } });
          return;
        }
        await this.#change(id, (same) => ({ ...same, problem: { code, message } }));
        await pause(ROLLOUT_RETRY_MS, AbortSignal.any([signal, this.#wake.signal]));
        if (signal.aborted) return;
      }
    }
  }

  async #planned(id: string, prepared: Record<string, Prepared>): Promise<void> {
    const { book } = this.#components;
    const classes = new Map(
      book.rollout(id).rollout.nodes.map(({ node, hardwareClass }) => [node, hardwareClass]),
    );
    const packages: RolloutRecord['packages'] = {};
    const named: Extract<RolloutEvent, { type: 'planned' }>['packages'] = {};
    let failures: RolloutEvent[] = [];
    for (const [node, result] of Object.entries(prepared)) {
      if ('packed' in result) {
        packages[node] = result.packed;
        named[node] = { package: result.packed.digest, hardwareClass: classes.get(node) ?? '' };
      } else failures.push({ type: 'install', node, state: 'failed', problem: result.problem });
    }
    const first = Object.values(prepared).find((result) => 'problem' in result);
    if (Object.keys(packages).length === 0 && first !== undefined && 'problem' in first)
      failures = [{ type: 'fail', problem: first.problem }, ...failures];
    await this.#change(
      id,
      (rollout) => {
        const clean = { ...rollout, problem: undefined };
        // A rollout that was paused while it was built keeps its packages, and stays paused.
        const planned = advanceRollout(clean, { type: 'planned', packages: named }, this.#now());
        const settled = failures.reduce((state, event) => advanceRollout(state, event, this.#now()), planned);
        return rollout.state === 'paused' ? { ...settled, state: 'paused' } : settled;
      },
      packages,
    );
  }

  async #apply(id: string, event: RolloutEvent): Promise<Rollout> {
    return this.#change(id, (rollout) =>
      event.type === 'rebuilding' && rollout.state === 'paused'
        ? rollout
        : advanceRollout(rollout, event, this.#now()),
    );
  }

  /** Changes a rollout, then makes the offers that are due, on disk first and to the nodes second. */
  async #change(
    id: string,
    change: (rollout: Rollout) => Rollout,
    packages: RolloutRecord['packages'] = {},
  ): Promise<Rollout> {
    const { book, assigner } = this.#components;
    const { rollout, told } = await this.#turns.run(this.#signal(), async () => {
      const before = book.rollout(id);
      const record: RolloutRecord = { ...before, packages: { ...before.packages, ...packages } };
      const { rollout: advanced, offered } = this.#offerDue(record, change(record.rollout));
      const deployment = book.findDeployment(advanced.deployment);
      if (deployment !== undefined && Object.keys(offered).length > 0)
        await book.putDeployment({ ...deployment, offers: { ...deployment.offers, ...offered } });
      await book.putRollout({ ...record, rollout: advanced });
      if (advanced.state !== before.rollout.state)
        this.#components.log.info(
          {
            rollout: id,
            state: advanced.state,
            ...(advanced.problem === undefined ? {} : { problem: advanced.problem }),
          },
          'a rollout is in another state',
        );
      return { rollout: advanced, told: Object.keys(offered) };
    });
    for (const node of told) void assigner.push(node, this.#signal());
    return rollout;
  }

  #offerDue(
    { packages, consent }: RolloutRecord,
    rollout: Rollout,
  ): { rollout: Rollout; offered: DeploymentRecord['offers'] } {
    const offered: DeploymentRecord['offers'] = {};
    let advanced = rollout;
    for (let due = dueNodes(advanced); due.length > 0; due = dueNodes(advanced))
      for (const { node } of due) {
        const packed = packages[node];
        const problem = { code: 'ERR_REBUILD_FAILED', message: 'there is no package for this node' };
        const event: RolloutEvent =
          packed === undefined
            ? { type: 'install', node, state: 'failed', problem }
            : { type: 'install', node, state: 'offered' };
        if (packed !== undefined)
          offered[node] = { ...packed, revision: rollout.revision, autoUpdate: consent[node] ?? false };
        advanced = advanceRollout(advanced, event, this.#now());
      }
    return { rollout: advanced, offered };
  }

  /** @throws {RolloutEndedError} */
  #going(rollout: Rollout): Rollout {
    if (hasEnded(rollout)) throw new RolloutEndedError(`rollout ${rollout.id} is ${rollout.state}`);
    return rollout;
  }

  #signal(): AbortSignal {
    return this.#running?.signal ?? AbortSignal.abort();
  }

  #now(): number {
    return this.#components.clock();
  }

  #complain(error: unknown): void {
    if (this.#running === undefined) return;
    this.#components.log.error({ problem: errorRecord(error) }, 'a rollout could not go on');
  }
}
