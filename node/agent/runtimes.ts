import { join } from 'node:path';
import { z } from 'zod';
import {
  type Configuration,
  type Digest,
  digestOf,
  errorRecord,
  type FailedRuntime,
  hexOf,
  isAccelerated,
  isDigest,
  type Logger,
  MAX_MANIFEST_BYTES,
  parseImageIndex,
  parseJson,
  parseManifest,
  parseRuntimeManifest,
  parseWith,
  platformFits,
  platformOf,
  type ProvenRuntime,
  type RuntimeManifest,
  type RuntimeOffer,
  wantsOf,
} from '../../core/index.ts';
import { graphicsGround, proveRuntime, type Sandbox } from '../../inference/index.ts';
import { installTree, listTrees, readFileBounded, type State, type Table } from '../../store/index.ts';
import { verifyRelease } from '../../trust/index.ts';
import { Backoff } from '../backoff.ts';
import { HOME_RETRY_MAX_MS, HOME_RETRY_MS, RETRY_DELAY_MAX_MS, RETRY_DELAY_MS } from '../constants.ts';
import { PackageInvalidError, RuntimeUnfitError } from '../errors.ts';
import type { NewEvent } from '../events/site-event.ts';
import type { Accelerators } from '../init.ts';
import type { Content } from './content.ts';
import {
  failedRuntimes,
  hasLost,
  isStale,
  type ProofGround,
  proofsHolding,
  provenRuntimes,
  type RuntimeProof,
  type RuntimeRecord,
  runtimesToTry,
  sameOutcome,
  withLost,
} from './decide-runtime.ts';
import { checkDiskRoom } from './disk-room.ts';
import { filesOf } from './package-content.ts';

/** A runtime's own manifest in its tree, beside its files. */
const MANIFEST_PATH = 'floormesh-runtime.json';
const MAX_PROBLEM_CHARS = 1000;

const recordSchema: z.ZodType<RuntimeRecord> = z.object({
  name: z.string(),
  version: z.string(),
  digest: z.custom<Digest>(isDigest),
  node: z.string(),
  arch: z.string(),
  proofs: z.array(
    z.object({
      provider: z.string(),
      ok: z.boolean(),
      problem: z.string().optional(),
      on: z.string().optional(),
      lost: z.boolean().optional(),
    }),
  ),
});

export interface RuntimesInit {
  /** Folder of the installed runtimes. */
  dir: string;
  publishers: readonly string[];
  /** Names that may be used. Default: all. */
  allowed?: readonly string[];
  /** What may be used beside the CPU: what is faster, anything, nothing. Default `auto`. */
  accelerators?: Accelerators | undefined;
  /** When an accelerator that is away is tried again. Default `HOME_RETRY_MS`, then twice as long each time. */
  homeRetryMs?: number | undefined;
  execPath?: string;
  sandbox?: Sandbox;
  /** @throws {SandboxMissingError} when this publisher's code may not run here */
  checkPublisher?: (what: string, key: string) => void;
}

export interface RuntimesComponents {
  state: State;
  content: Content;
  log: Logger;
  addEvent: (event: NewEvent) => Promise<unknown>;
  /** Told when the list of proven runtimes changed. */
  onChange: () => void;
}

/** The runtimes of this machine: fetched, verified, installed, and proven by running them. */
export class Runtimes {
  readonly #init: RuntimesInit;
  readonly #components: RuntimesComponents;
  readonly #table: Table<RuntimeRecord>;
  readonly #records = new Map<Digest, RuntimeRecord>();
  /** What could not be installed, why, and when it is tried again. */
  readonly #hindered = new Map<Digest, { code: string; waitMs: number; timer: NodeJS.Timeout }>();
  readonly #stopping = new AbortController();
  #ground: ProofGround & { platform: string } = { node: '', arch: '', accelerators: '', platform: '' };
  #turn: Promise<void> = Promise.resolve();
  readonly #lost: Backoff;
  #waiting: Promise<void> | undefined;

  constructor(init: RuntimesInit, components: RuntimesComponents) {
    this.#init = init;
    this.#components = components;
    this.#lost = new Backoff(init.homeRetryMs ?? HOME_RETRY_MS, HOME_RETRY_MAX_MS);
    this.#table = components.state.table('runtimes', (value) =>
      parseWith(recordSchema, value, 'runtime record'),
    );
  }

  /**
   * Learns what was proven before. What was proven with another Node.js, or on an accelerator with other devices or drivers,
   * is proven again, beside everything else.
   */
  async start(configuration: Configuration): Promise<void> {
    const { software, cpu, os } = configuration;
    const accelerators = this.#accelerators();
    this.#ground = { node: software.node, arch: cpu.arch, accelerators, platform: os.platform };
    for (const [, record] of await this.#table.list()) this.#records.set(record.digest, record);
    await this.#proveStale();
    this.#waitForLost();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { timer } of this.#hindered.values()) clearTimeout(timer);
    await this.#waiting;
    await this.#turn;
  }

  proven(): ProvenRuntime[] {
    return provenRuntimes([...this.#records.values()], this.#ground);
  }

  /** What was tried and does not run here. */
  failed(): FailedRuntime[] {
    return failedRuntimes([...this.#records.values()], this.#ground);
  }

  /** Tries what is offered and not known yet, one after the other. Comes back when all are tried. Never throws. */
  async consider(offers: readonly RuntimeOffer[]): Promise<void> {
    await this.#lookAgain().catch((error: unknown) =>
      this.#components.log.warn(errorRecord(error), 'accelerators could not be looked at again'),
    );
    const untried = runtimesToTry(offers, [...this.#records.values()], this.#ground, this.#init.allowed);
    for (const offer of untried)
      this.#queue(offer, async () => {
        // The same one may have been offered twice before the first was tried.
        if (runtimesToTry([offer], [...this.#records.values()], this.#ground, undefined).length > 0)
          await this.#install(offer).then(
            () => this.#hindered.delete(offer.manifest),
            (error: unknown) => this.#hinder(offer, error),
          );
      });
    await this.#turn;
  }

  /** The folder of a runtime that is installed here, and its manifest. @throws {RuntimeUnfitError} */
  async installed(digest: Digest): Promise<{ dir: string; manifest: RuntimeManifest }> {
    const dir = join(this.#init.dir, hexOf(digest));
    const bytes = await readFileBounded(join(dir, MANIFEST_PATH), MAX_MANIFEST_BYTES);
    if (bytes === undefined)
      throw new RuntimeUnfitError(`the runtime ${digest} is not installed on this node`);
    return { dir, manifest: parseRuntimeManifest(parseJson(bytes, MAX_MANIFEST_BYTES)) };
  }

  /** Tells why a runtime could not be installed, and tries again later: a disk has room again, a peer comes back. */
  async #hinder(offer: RuntimeOffer, error: unknown): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { name, version, manifest } = offer;
    const { code, message } = errorRecord(error);
    const before = this.#hindered.get(manifest);
    clearTimeout(before?.timer);
    const waitMs = Math.min((before?.waitMs ?? RETRY_DELAY_MS) * 2, RETRY_DELAY_MAX_MS);
    const timer = setTimeout(() => void this.consider([offer]), waitMs).unref();
    this.#hindered.set(manifest, { code, waitMs, timer });
    this.#components.log.warn({ runtime: name, version, code, message }, 'a runtime could not be installed');
    if (before?.code === code) return;
    const what = `${name} ${version} could not be installed: ${message}`;
    await this.#components.addEvent({
      type: 'notice',
      deployment: '',
      subject: manifest,
      message: what,
      details: { code },
    });
  }

  #queue(what: { name: string; version: string }, work: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#stopping.signal.aborted) return;
      await work().catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        const { name, version } = what;
        this.#components.log.warn(
          { runtime: name, version, ...errorRecord(error) },
          'a runtime could not be tried',
        );
      });
    });
  }

  async #install(offer: RuntimeOffer): Promise<void> {
    const { name, version, index, indexSize, manifest: digest, manifestSize, signature } = offer;
    const { content } = this.#components;
    const signal = this.#stopping.signal;
    verifyRelease({ kind: 'runtime', name, version, digest: index }, signature, this.#init.publishers);
    this.#init.checkPublisher?.(`${name} ${version}`, signature.key);
    const variants = parseImageIndex(await content.read(index, indexSize, signal)).manifests;
    const variant = variants.find((one) => one.digest === digest);
    if (variant === undefined) throw new PackageInvalidError(`${digest} is no variant of ${name} ${version}`);
    if (!platformFits(variant.platform, platformOf(this.#ground.platform, this.#ground.arch)))
      throw new RuntimeUnfitError(`${name} ${version} is offered for another platform`);
    const manifest = parseManifest(await content.read(digest, manifestSize, signal));
    const wants = wantsOf([manifest.config, ...manifest.layers]);
    await checkDiskRoom(this.#init.dir, wants, content.blobs);
    await content.fetch(wants, signal);
    const about = await content.blobs.read(manifest.config.digest, MAX_MANIFEST_BYTES);
    const runtime = parseRuntimeManifest(parseJson(about, MAX_MANIFEST_BYTES));
    if (runtime.name !== name || runtime.version !== version)
      throw new PackageInvalidError(`${name} ${version} says that it is ${runtime.name} ${runtime.version}`);
    const files = [...filesOf(manifest), { path: MANIFEST_PATH, digest: manifest.config.digest }];
    const dir = await installTree(this.#init.dir, hexOf(digest), files, content.blobs);
    await this.#prove(dir, digest, runtime);
  }

  /** A driver was installed, or a device is gone, since the last look. */
  async #lookAgain(): Promise<void> {
    const accelerators = this.#accelerators();
    if (accelerators === this.#ground.accelerators) return;
    this.#ground = { ...this.#ground, accelerators };
    await this.#proveStale();
  }

  async #proveStale(): Promise<void> {
    const stale = [...this.#records.values()].filter((record) => isStale(record, this.#ground));
    if (stale.length === 0) return;
    const installed = await listTrees(this.#init.dir);
    for (const record of stale)
      if (installed.includes(hexOf(record.digest))) this.#queue(record, () => this.#proveAgain(record));
  }

  /** As long as an accelerator is away, it is tried again, more and more seldom. */
  #waitForLost(): void {
    this.#waiting ??= this.#tryLost().finally(() => (this.#waiting = undefined));
  }

  async #tryLost(): Promise<void> {
    const { signal } = this.#stopping;
    const lost = (): RuntimeRecord[] =>
      [...this.#records.values()].filter((record) => hasLost(record, this.#ground));
    while (lost().length > 0) {
      await this.#lost.wait(signal);
      if (signal.aborted) return;
      this.#ground = { ...this.#ground, accelerators: this.#accelerators() };
      for (const record of lost()) this.#queue(record, () => this.#proveAgain(record));
      await this.#turn;
    }
    this.#lost.reset();
  }

  #accelerators(): string {
    return digestOf(`${this.#init.accelerators ?? 'auto'}\n${graphicsGround()}`);
  }

  async #proveAgain({ digest }: RuntimeRecord): Promise<void> {
    const { dir, manifest } = await this.installed(digest);
    await this.#prove(dir, digest, manifest);
  }

  async #prove(dir: string, digest: Digest, manifest: RuntimeManifest): Promise<void> {
    const { addEvent, onChange } = this.#components;
    const { name, version, providers } = manifest;
    const { node, arch } = this.#ground;
    const known = this.#records.get(digest);
    const holding = known === undefined ? [] : proofsHolding(known, this.#ground).filter(({ lost }) => !lost);
    const tried: RuntimeProof[] = [];
    for (const provider of providers)
      tried.push(
        holding.find((proof) => proof.provider === provider) ?? (await this.#proof(dir, manifest, provider)),
      );
    const proofs = this.#init.accelerators === 'none' ? tried : withLost(tried, known?.proofs ?? []);
    const record: RuntimeRecord = { name, version, digest, node, arch, proofs };
    await this.#table.put(digest, record, { sync: true });
    this.#records.set(digest, record);
    this.#waitForLost();
    // What is still away was told when it went.
    if (known !== undefined && hasLost(known, this.#ground) && sameOutcome(known.proofs, proofs)) return;
    const works = proofs.filter(({ ok }) => ok).map(({ provider }) => provider);
    const failed = proofs.flatMap(({ provider, ok, problem }) => (ok ? [] : [`${provider}: ${problem}`]));
    const what = `${name} ${version}`;
    const message =
      works.length > 0
        ? [`${what} runs here with ${works.join(', ')}`, ...failed.map((each) => `not with ${each}`)].join(
            '; ',
          )
        : `${what} does not run here: ${failed.join('; ')}`;
    await addEvent({ type: 'notice', deployment: '', subject: digest, message, details: { proofs } });
    if (works.length > 0) onChange();
  }

  async #proof(dir: string, manifest: RuntimeManifest, provider: string): Promise<RuntimeProof> {
    const { execPath, sandbox, accelerators = 'auto' } = this.#init;
    const on = isAccelerated(provider) ? { on: this.#ground.accelerators } : {};
    if (isAccelerated(provider) && accelerators === 'none')
      return { provider, ok: false, problem: 'this node’s configuration allows no accelerator', ...on };
    const { log } = this.#components;
    const signal = this.#stopping.signal;
    const mayBeSlow = accelerators === 'any';
    const proof = await proveRuntime({ dir, manifest, provider, mayBeSlow, execPath, sandbox, log, signal });
    if (proof.ok) return { provider, ok: true, ...on };
    return { provider, ok: false, problem: proof.problem.slice(0, MAX_PROBLEM_CHARS), ...on };
  }
}
