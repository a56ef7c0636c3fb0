import {
  type DeploymentHealth,
  errorRecord,
  type Install,
  type Logger,
  type Offer,
  type Removal,
} from '../../core/index.ts';
import { verifyOffer, verifyRemoval } from '../../trust/index.ts';
import { NotDeployedError, OfferOutdatedError } from '../errors.ts';
import type { NewEvent } from '../events/site-event.ts';
import type { DeploymentHost } from '../runtime-host/host.ts';
import { decideOffer, type Floor, planResume } from './decide-offer.ts';
import type { InstallBook, InstallRecord } from './install-book.ts';
import type { Installer } from './installer.ts';

export interface DeploymentsInit {
  /** The gateway's public key. */
  gatewayKey: string;
}

export interface DeploymentsComponents {
  book: InstallBook;
  installer: Installer;
  makeHost: (deployment: string) => DeploymentHost;
  addEvent: (event: NewEvent) => Promise<unknown>;
  /** Whether an event like that waits for the gateway. */
  isKept: (event: NewEvent) => Promise<boolean>;
  /** Gives up the events that wait for a deployment. */
  giveUp: (deployment: string) => Promise<void>;
  /** Takes what is of no more use off the disk. */
  tidy: () => Promise<void>;
  log: Logger;
}

interface Work {
  revision: number;
  cancel: AbortController;
  done: Promise<void>;
}

/** All deployments on this node: what is offered, what is on its way, what runs. */
export class Deployments {
  readonly #init: DeploymentsInit;
  readonly #components: DeploymentsComponents;
  readonly #hosts = new Map<string, DeploymentHost>();
  readonly #working = new Map<string, Work>();
  /** Deployments of which something is being fetched or installed. */
  readonly #installing = new Set<string>();
  readonly #stopping = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(init: DeploymentsInit, components: DeploymentsComponents) {
    this.#init = init;
    this.#components = components;
  }

  /** Starts what was active, and goes on with what was cut off. Needs neither gateway nor uplink. */
  async start(): Promise<void> {
    const { book, installer, log } = this.#components;
    await book.open();
    for (const deployment of book.deployments()) {
      if (await this.#isWithdrawn(deployment)) {
        await this.#clear(deployment);
        continue;
      }
      const installs = book.of(deployment).map(({ install }) => install);
      const plan = planResume(installs, await installer.linked(deployment, installs));
      for (const { install, state } of plan.repair) await book.advance(install, state);
      if (plan.run !== undefined)
        await installer.start(plan.run).catch((error: unknown) => {
          log.error({ deployment, ...errorRecord(error) }, 'an installed package could not be started');
        });
      const record = plan.resume && book.get(deployment, plan.resume.revision);
      if (record !== undefined) await this.#begin(record);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#turn;
    await Promise.all([...this.#working.values()].map(({ done }) => done));
    await Promise.all([...this.#hosts.values()].map((host) => host.stop()));
  }

  hostOf(deployment: string): DeploymentHost {
    const host = this.#hosts.get(deployment) ?? this.#components.makeHost(deployment);
    this.#hosts.set(deployment, host);
    return host;
  }

  get isInstalling(): boolean {
    return this.#installing.size > 0;
  }

  /** The revision that is still loaded beside the one that runs. */
  predecessorOf(deployment: string): number | undefined {
    return this.#hosts.get(deployment)?.predecessor;
  }

  health(): DeploymentHealth[] {
    return [...this.#hosts.values()].map((host) => host.health()).filter(({ revision }) => revision > 0);
  }

  hosts(): Iterable<DeploymentHost> {
    return this.#hosts.values();
  }

  grantedToOthers(deployment: string): number {
    return [...this.#hosts]
      .filter(([name]) => name !== deployment)
      .reduce((sum, [, host]) => sum + host.grantedMiB, 0);
  }

  /** @throws {NotDeployedError} */
  async infer(deployment: string, event: { kind: string; name: string; data: Uint8Array }): Promise<unknown> {
    const host = this.#hosts.get(deployment);
    if (host === undefined) throw new NotDeployedError(`${deployment} does not run on this node`);
    return host.infer(event);
  }

  /** Looks at what the gateway offers, one offer after the other. Never throws; an offer that is refused is told of. */
  async consider(offers: readonly Offer[], options: { pushed: boolean }): Promise<void> {
    const turn = this.#turn.then(async () => {
      for (const offer of offers)
        await this.#considerOne(offer, options.pushed).catch((error: unknown) =>
          this.#tellRefused(offer, error),
        );
    });
    this.#turn = turn;
    await turn;
  }

  /** Takes deployments off this node, one after the other. Never throws. */
  async remove(removals: readonly Removal[]): Promise<void> {
    const turn = this.#turn.then(async () => {
      for (const removal of removals)
        await this.#removeOne(removal).catch((error: unknown) => {
          const { deployment, revision } = removal;
          this.#components.log.error({ deployment, revision, ...errorRecord(error) }, 'a removal failed');
        });
    });
    this.#turn = turn;
    await turn;
  }

  /** Consents to what waits for it. Comes back with how many packages that were. */
  async accept(deployment?: string): Promise<number> {
    const waiting = this.#components.book
      .all()
      .filter(({ state, deployment: name }) => state === 'awaiting-consent' && name === (deployment ?? name));
    const turn = this.#turn.then(async () => {
      for (const install of waiting) {
        const record = this.#components.book.get(install.deployment, install.revision);
        if (record !== undefined) await this.#begin(record);
      }
    });
    this.#turn = turn.catch(() => undefined);
    await turn;
    return waiting.length;
  }

  async #considerOne(offer: Offer, pushed: boolean): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    verifyOffer(offer, this.#init.gatewayKey);
    const { book, log, addEvent } = this.#components;
    const { deployment, revision, summary } = offer;
    const known = book.get(deployment, revision)?.install;
    const facts = { floor: await book.floor(deployment), known, active: book.active(deployment), pushed };
    const decision = decideOffer(offer, facts);
    log.debug({ deployment, revision, decision }, 'an offer was considered');
    if (decision.do === 'ignore') return;
    if (decision.do === 'refuse') throw new OfferOutdatedError(decision.why);
    const install = known ?? (await this.#enter(offer));
    if (decision.do === 'await-consent') {
      await book.advance(install, 'awaiting-consent');
      const message = `revision ${revision} waits for consent: ${summary}`;
      await addEvent({ type: 'notice', deployment, subject: `revision-${revision}`, message });
      return;
    }
    const record = book.get(deployment, revision);
    if (record !== undefined) await this.#begin({ ...record, offer });
  }

  async #removeOne(removal: Removal): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    verifyRemoval(removal, this.#init.gatewayKey);
    const { deployment, revision } = removal;
    const { book } = this.#components;
    const floor = await book.floor(deployment);
    if (floor !== undefined && floor.revision >= revision && floor.package !== undefined) return;
    if (floor === undefined || floor.revision < revision) await book.withdraw(deployment, revision);
    await this.#clear(deployment);
  }

  async #isWithdrawn(deployment: string): Promise<boolean> {
    const floor = await this.#components.book.floor(deployment);
    return floor !== undefined && floor.package === undefined;
  }

  /** Ends everything of a deployment that is withdrawn; a restart goes on with what was cut off. */
  async #clear(deployment: string): Promise<void> {
    const { book, installer, giveUp, tidy } = this.#components;
    const left = book.of(deployment).filter(({ install }) => install.state !== 'removed');
    if (left.length === 0) return;
    await this.#cancel(deployment);
    await this.#hosts.get(deployment)?.stop();
    this.#hosts.delete(deployment);
    await installer.unlink(deployment);
    await giveUp(deployment);
    await this.#tellRemoved(deployment);
    for (const { install } of left) await book.advance(install, 'removed');
    void tidy();
  }

  /** Told once, also where a removal was cut off and is gone through again. */
  async #tellRemoved(deployment: string): Promise<void> {
    const { book, addEvent, isKept } = this.#components;
    const { told, revision = 0 }: Partial<Floor> = (await book.floor(deployment)) ?? {};
    const event: NewEvent = {
      type: 'install',
      deployment,
      subject: 'removed',
      message: `${deployment} was taken off this node`,
      details: { revision },
    };
    if (told === 'done' || (told === 'begun' && (await isKept(event)))) return;
    await book.noteTold(deployment, 'begun');
    await addEvent(event);
    await book.noteTold(deployment, 'done');
  }

  async #cancel(deployment: string): Promise<void> {
    const work = this.#working.get(deployment);
    work?.cancel.abort();
    await work?.done;
  }

  /** Whatever of the deployment is still on its way is overtaken. */
  async #enter(offer: Offer): Promise<Install> {
    const { book } = this.#components;
    await this.#cancel(offer.deployment);
    for (const { install } of book.of(offer.deployment))
      if (!['active', 'failed', 'superseded', 'removed'].includes(install.state))
        await book.advance(install, 'superseded');
    return book.enter(offer);
  }

  /** Begins to install, beside everything else. */
  async #begin(record: InstallRecord): Promise<void> {
    const { deployment, revision } = record.install;
    const before = this.#working.get(deployment);
    if (before?.revision === revision) return;
    before?.cancel.abort();
    await before?.done;
    const cancel = new AbortController();
    const signal = AbortSignal.any([cancel.signal, this.#stopping.signal]);
    const done = this.#install(record, signal).finally(() => this.#working.delete(deployment));
    this.#working.set(deployment, { revision, cancel, done });
  }

  async #install(record: InstallRecord, signal: AbortSignal): Promise<void> {
    const { book, installer, log, addEvent, tidy } = this.#components;
    const { install, offer } = record;
    const { deployment, revision } = install;
    const subject = `revision-${revision}`;
    // There may be room to be made for it.
    await tidy();
    if (signal.aborted) return;
    this.#installing.add(deployment);
    try {
      await installer.install(record, signal);
      const message = `revision ${revision} is active: ${offer.summary}`;
      await addEvent({ type: 'install', deployment, subject, message, details: { package: offer.package } });
    } catch (error) {
      // What was cancelled is overtaken, or goes on after the restart.
      if (signal.aborted) return;
      const { code, message } = errorRecord(error);
      log.warn({ deployment, revision, code, message }, 'an install failed');
      await book.advance(install, 'failed', { error });
      await addEvent({
        type: 'install',
        deployment,
        subject,
        message: `revision ${revision} failed: ${message}`,
        details: { code, package: offer.package },
      });
    } finally {
      this.#installing.delete(deployment);
      void tidy();
    }
  }

  async #tellRefused(offer: Offer, error: unknown): Promise<void> {
    const { code, message } = errorRecord(error);
    const { deployment, revision } = offer;
    this.#components.log.warn({ deployment, revision, code, message }, 'an offer was refused');
    const subject = `revision-${revision}`;
    await this.#components
      .addEvent({
        type: 'notice',
        deployment,
        subject,
        message: `an offer was refused: ${message}`,
        details: { code },
      })
      .catch(() => undefined);
  }
}
