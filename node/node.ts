import {
  type Configuration,
  type Digest,
  errorRecord,
  fingerprintOf,
  type Install,
  parseAssignments,
} from '../core/index.ts';
import { findSandbox, type FoundSandbox } from '../inference/index.ts';
import { ensureDir } from '../store/index.ts';
import { answerRequests } from './agent/requests.ts';
import { assemble, foldersOf, type NodeComponents, type Parts } from './assemble.ts';
import { Backoff } from './backoff.ts';
import {
  GATEWAY_CALL_TIMEOUT_MS,
  RETRY_DELAY_MAX_MS,
  RETRY_DELAY_MS,
  TELL_NEIGHBOUR_AFTER_MS,
} from './constants.ts';
import { FactTeller } from './facts/fact-teller.ts';
import type { NodeInit } from './init.ts';
import { probeConfiguration } from './probe/probe.ts';

interface Running extends Parts {
  facts: FactTeller;
  stopping: AbortController;
  ends: (() => void)[];
}

/** The role on the machine: it says what the machine is, installs what it is offered, and runs it. */
export class FloormeshNode {
  readonly #init: NodeInit;
  readonly #components: NodeComponents;
  #starting: Promise<Running> | undefined;
  #running: Running | undefined;

  constructor(init: NodeInit, components: NodeComponents) {
    this.#init = init;
    this.#components = components;
  }

  /** Starts what was active before, then listens to the gateway. Needs nobody to be reachable. */
  async start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    await this.#starting;
  }

  /** Ends everything. Events in work are finished first. */
  async stop(): Promise<void> {
    const running = await this.#starting?.catch(() => undefined);
    this.#starting = undefined;
    this.#running = undefined;
    if (running === undefined) return;
    running.stopping.abort();
    for (const end of running.ends) end();
    running.facts.stop();
    running.meshEvents.stop();
    await Promise.all([running.trials.stop(), running.finaliser.stop(), running.compiled?.stop()]);
    await Promise.all([running.runtimes.stop(), running.deployments.stop()]);
    await running.housekeeper.stop();
    await running.dispatcher.stop();
    await running.receipts.stop();
    await running.outbox.stop();
  }

  /** What this machine is, proven runtimes included. @throws {TypeError} before `start` */
  configuration(): Configuration {
    return this.#need().configuration();
  }

  /** @throws {TypeError} before `start` */
  fingerprint(): Digest {
    return fingerprintOf(this.configuration());
  }

  /** Every package that was offered, and where it stands. @throws {TypeError} before `start` */
  installs(): Install[] {
    return this.#need().book.all();
  }

  /** Consents to what waits for it, on the machine itself. @throws {TypeError} before `start` */
  async accept(deployment?: string): Promise<number> {
    return this.#need().deployments.accept(deployment);
  }

  async #start(): Promise<Running> {
    const { dir, gateway, name } = this.#init;
    const { mesh, log, clock = Date.now } = this.#components;
    for (const folder of Object.values(foldersOf(dir))) await ensureDir(folder);
    const { base, sandbox } = await this.#look();
    const parts = assemble(this.#init, this.#components, base, sandbox, {
      configuration: () => facts.tellFingerprint(),
      installs: () => facts.tellHealth(),
    });
    const facts: FactTeller = new FactTeller(name, {
      publish: (topic, value) => mesh.publish(topic, value),
      fingerprint: () => fingerprintOf(parts.configuration()),
      health: parts.health,
      log,
      clock,
    });
    const running: Running = { ...parts, facts, stopping: new AbortController(), ends: [] };
    this.#running = running;
    parts.meshEvents.start();
    await parts.samples.open();
    await parts.outbox.start();
    await parts.receipts.start();
    await parts.dispatcher.start();
    await parts.runtimes.start(base);
    await parts.deployments.start();
    parts.housekeeper.start();
    this.#listen(running);
    facts.start();
    if (mesh.peers().includes(gateway)) this.#greet(running);
    log.info({ fingerprint: fingerprintOf(parts.configuration()) }, 'the node is up');
    return running;
  }

  /** What this machine is, and how it confines apps. */
  async #look(): Promise<{ base: Configuration; sandbox: FoundSandbox }> {
    const { execPath, sandbox: { method, readable } = {} } = this.#init;
    const [probed, sandbox] = await Promise.all([
      probeConfiguration(this.#init),
      findSandbox({ execPath, method, readable }),
    ]);
    const { facts, problems } = sandbox;
    const { log } = this.#components;
    if (facts.method === 'none') log.warn({ problems }, 'this node has no sandbox for apps');
    else log.info({ sandbox: facts, problems }, 'apps run in a sandbox');
    return { base: { ...probed, sandbox: facts }, sandbox };
  }

  #listen(running: Running): void {
    const { gateway } = this.#init;
    const { mesh } = this.#components;
    const { configuration, deployments, trials, book, lender, neighbours } = running;
    running.ends.push(
      mesh.subscribe('facts', (value, { from }) => neighbours.hear(value, from)),
      answerRequests(mesh, gateway, {
        configuration,
        assign: (assignments) => this.#work(running, running.assign(assignments, { pushed: true })),
        trial: (request, signal) => trials.run(request, signal),
        infer: (deployment, event) => deployments.infer(deployment, event),
        accept: (deployment) => deployments.accept(deployment),
        installs: () => book.all(),
        samples: running.samples,
        runEvent: (request, peer, signal) => lender.run(request, peer, signal),
      }),
      mesh.onPeer((peer, connected) => {
        if (!connected) return;
        // Gossip reaches a new neighbour only once both have told each other what they listen to.
        setTimeout(() => {
          if (!running.stopping.signal.aborted) running.facts.tellFingerprint();
        }, TELL_NEIGHBOUR_AFTER_MS).unref();
        if (peer === gateway) this.#greet(running);
      }),
    );
  }

  /** The gateway is there: what waits for it goes there, and what it wants is asked for. */
  #greet(running: Running): void {
    running.outbox.wake();
    running.receipts.wake();
    this.#work(running, this.#pull(running));
  }

  async #pull(running: Running): Promise<void> {
    const { gateway } = this.#init;
    const { mesh, log } = this.#components;
    const { signal } = running.stopping;
    const backoff = new Backoff(RETRY_DELAY_MS, RETRY_DELAY_MAX_MS);
    while (!signal.aborted && mesh.peers().includes(gateway)) {
      try {
        const answer = await mesh.call(
          gateway,
          'assignments',
          {},
          { signal, timeoutMs: GATEWAY_CALL_TIMEOUT_MS },
        );
        await running.assign(parseAssignments(answer), { pushed: false });
        return;
      } catch (error) {
        log.debug(errorRecord(error), 'the gateway could not be asked for assignments');
        await backoff.wait(signal);
      }
    }
  }

  /** Work that nobody waits for. */
  #work(running: Running, work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!running.stopping.signal.aborted)
        this.#components.log.error(errorRecord(error), 'what the gateway wants could not be done');
    });
  }

  #need(): Running {
    if (this.#running === undefined) throw new TypeError('the node is not started');
    return this.#running;
  }
}
