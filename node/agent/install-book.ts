import { z } from 'zod';
import {
  type Comparison,
  errorRecord,
  type Install,
  type InstallState,
  isDigest,
  mayFollow,
  type Offer,
  parseInstall,
  parseOffer,
  parseWith,
} from '../../core/index.ts';
import type { State, Table } from '../../store/index.ts';
import { REMEMBERED_INSTALLS } from '../constants.ts';
import type { Floor } from './decide-offer.ts';

/** What a node keeps of one package that it was offered. */
export interface InstallRecord {
  install: Install;
  offer: Offer;
}

const DIGITS = 12;

const floorSchema = z.object({
  revision: z.number().int().nonnegative(),
  package: z.custom<Install['package']>(isDigest).optional(),
  told: z.enum(['begun', 'done']).optional(),
});

function parseRecord(value: unknown): InstallRecord {
  const { install, offer } = parseWith(
    z.object({ install: z.unknown(), offer: z.unknown() }),
    value,
    'install',
  );
  return { install: parseInstall(install), offer: parseOffer(offer) };
}

export interface InstallBookComponents {
  state: State;
  clock: () => number;
  /** Told of every change, once it is durable. */
  onChange: (install: Install) => Promise<void>;
}

/** Where every package stands on this node, and how far each deployment has come. Durable before it counts. */
export class InstallBook {
  readonly #records: Table<InstallRecord>;
  readonly #floors: Table<Floor>;
  readonly #components: InstallBookComponents;
  readonly #known = new Map<string, InstallRecord>();

  constructor(components: InstallBookComponents) {
    this.#components = components;
    this.#records = components.state.table('installs', parseRecord);
    this.#floors = components.state.table('floors', (value) => parseWith(floorSchema, value, 'floor'));
  }

  async open(): Promise<void> {
    this.#known.clear();
    for (const [key, record] of await this.#records.list()) this.#known.set(key, record);
  }

  all(): Install[] {
    return [...this.#known.values()].map(({ install }) => install);
  }

  of(deployment: string): InstallRecord[] {
    return [...this.#known.values()].filter(({ install }) => install.deployment === deployment);
  }

  deployments(): string[] {
    return [...new Set(this.all().map(({ deployment }) => deployment))];
  }

  get(deployment: string, revision: number): InstallRecord | undefined {
    return this.#known.get(keyOf(deployment, revision));
  }

  active(deployment: string): Install | undefined {
    return this.of(deployment).find(({ install }) => install.state === 'active')?.install;
  }

  async floor(deployment: string): Promise<Floor | undefined> {
    return this.#floors.get(deployment);
  }

  /** Notes that a deployment is to go: from now on nothing as old as that is taken. */
  async withdraw(deployment: string, revision: number): Promise<void> {
    await this.#floors.put(deployment, { revision }, { sync: true });
  }

  /** Notes how far people were told that a deployment is gone. */
  async noteTold(deployment: string, told: 'begun' | 'done'): Promise<void> {
    const floor = await this.floor(deployment);
    if (floor !== undefined) await this.#floors.put(deployment, { ...floor, told });
  }

  /** Takes an offer in: from now on nothing older is taken. */
  async enter(offer: Offer): Promise<Install> {
    const { deployment, revision, package: digest } = offer;
    await this.#floors.put(deployment, { revision, package: digest }, { sync: true });
    const since = this.#components.clock();
    const install: Install = { deployment, revision, package: digest, state: 'offered', since };
    await this.#put({ install, offer });
    await this.#forgetOld(deployment);
    return install;
  }

  /**
   * Puts an install into a state, unless it is in it.
   *
   * @param about.error why it failed
   * @param about.comparison how it compared with the version before
   *
   * @throws {TypeError} where that state can't follow
   */
  async advance(
    install: Install,
    state: InstallState,
    { error, comparison }: { error?: unknown; comparison?: Comparison | undefined } = {},
  ): Promise<Install> {
    const record = this.get(install.deployment, install.revision);
    if (record === undefined) throw new TypeError(`no install ${install.deployment}:${install.revision}`);
    const now = record.install;
    if (now.state === state) return now;
    if (!mayFollow(now.state, state)) throw new TypeError(`${now.state} can't be followed by ${state}`);
    const { deployment, revision, package: digest } = now;
    const changed: Install = {
      deployment,
      revision,
      package: digest,
      state,
      since: this.#components.clock(),
      ...(error === undefined ? {} : { problem: problemOf(error) }),
      ...(comparison === undefined ? {} : { comparison }),
    };
    await this.#put({ ...record, install: changed });
    return changed;
  }

  /** Notes what an install waits for, in the state that it is in; without a problem, that it goes on. */
  async hinder(install: Install, error?: unknown): Promise<void> {
    const record = this.get(install.deployment, install.revision);
    if (record === undefined) throw new TypeError(`no install ${install.deployment}:${install.revision}`);
    const { problem, ...now } = record.install;
    if (problem === undefined && error === undefined) return;
    const changed = error === undefined ? now : { ...now, problem: problemOf(error) };
    await this.#put({ ...record, install: changed });
  }

  async #put(record: InstallRecord): Promise<void> {
    const key = keyOf(record.install.deployment, record.install.revision);
    await this.#records.put(key, record, { sync: true });
    this.#known.set(key, record);
    await this.#components.onChange(record.install);
  }

  async #forgetOld(deployment: string): Promise<void> {
    const settled = this.of(deployment)
      .map(({ install }) => install)
      .filter(({ state }) => ['superseded', 'failed', 'removed'].includes(state))
      .sort((a, b) => b.revision - a.revision);
    for (const { revision } of settled.slice(REMEMBERED_INSTALLS)) {
      const key = keyOf(deployment, revision);
      await this.#records.delete(key);
      this.#known.delete(key);
    }
  }
}

function keyOf(deployment: string, revision: number): string {
  return `${deployment}/${String(revision).padStart(DIGITS, '0')}`;
}

function problemOf(error: unknown): { code: string; message: string } {
  const { code, message } = errorRecord(error);
  return { code: code.slice(0, 100), message };
}
