import type { ExecutionContext } from 'ava';
import {
  type Assignments,
  type Configuration,
  type Digest,
  fingerprintOf,
  type Install,
  type Manifest,
  MAX_MANIFEST_BYTES,
  MEDIA,
  type Offer,
  parseAssignments,
  parseManifest,
} from '../../core/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import { type BlobStore, memoryBlobStore } from '../../store/index.ts';
import { verifyOffer } from '../../trust/index.ts';
import { connectedTo, makeIdentity, startTestMesh } from './mesh.ts';

export interface ScriptedNodeInit {
  name: string;
  configuration: Configuration;
  /** Address of the gateway. */
  gateway: string;
  gatewayId: string;
  gatewayKey: string;
  /** What installing an offer ends with. Default: active. */
  outcome?: (offer: Offer) => Install['state'];
  /** The fingerprint that it claims, where it lies. */
  claims?: Digest;
}

/** A peer that answers a gateway as a node does, and really fetches what it is offered, but runs nothing. */
export class ScriptedNode {
  readonly mesh: Mesh;
  readonly blobs: BlobStore;
  configuration: Configuration;
  readonly installed: Offer[] = [];
  readonly runtimesOffered: Assignments['runtimes'] = [];
  readonly #init: ScriptedNodeInit;
  readonly #installs = new Map<string, Install>();
  asked = 0;
  #turn: Promise<void> = Promise.resolve();

  private constructor(mesh: Mesh, blobs: BlobStore, init: ScriptedNodeInit) {
    this.mesh = mesh;
    this.blobs = blobs;
    this.#init = init;
    this.configuration = init.configuration;
    mesh.handle('configuration', async () => {
      this.asked += 1;
      return { unchanged: false, fingerprint: this.#fingerprint(), configuration: this.configuration };
    });
    mesh.handle('assign', async (request) => this.#take(parseAssignments(request)));
    mesh.handle('installs', async () => ({ installs: [...this.#installs.values()] }));
    mesh.handle('accept', async () => {
      const waiting = [...this.#installs.values()].filter(({ state }) => state === 'awaiting-consent');
      for (const install of waiting) await this.#report({ ...install, state: 'active' });
      return { accepted: waiting.length };
    });
    mesh.handle('infer', async () => ({ result: { by: init.name }, tookMs: 1 }));
  }

  static async start(t: ExecutionContext, init: ScriptedNodeInit): Promise<ScriptedNode> {
    const blobs = memoryBlobStore();
    const mesh = await startTestMesh(t, { blobs, identity: makeIdentity() });
    const node = new ScriptedNode(mesh, blobs, init);
    await mesh.dial(init.gateway);
    await connectedTo(mesh, init.gatewayId);
    // Gossip reaches who has subscribed; that a subscription has arrived shows only by trying.
    const telling = setInterval(() => void node.tell().catch(() => undefined), 200);
    t.teardown(() => clearInterval(telling));
    return node;
  }

  get id(): string {
    return this.mesh.peerId;
  }

  /** Takes what it is offered next as if it had never been offered it. */
  forget(): void {
    this.#installs.clear();
  }

  async tell(): Promise<void> {
    const fact = { kind: 'fingerprint', name: this.#init.name, fingerprint: this.#fingerprint(), at: 0 };
    await this.mesh.publish('facts', fact);
  }

  /** The manifest of what it installed last. */
  async manifest(): Promise<Manifest> {
    const offer = this.installed.at(-1);
    if (offer === undefined) throw new TypeError('nothing is installed');
    return parseManifest(await this.blobs.read(offer.package, MAX_MANIFEST_BYTES));
  }

  #fingerprint(): Digest {
    return this.#init.claims ?? fingerprintOf(this.configuration);
  }

  #take({ runtimes, offers }: Assignments): object {
    this.runtimesOffered.splice(0, this.runtimesOffered.length, ...runtimes);
    this.#turn = this.#turn.then(async () => {
      for (const offer of offers) await this.#install(offer).catch(() => undefined);
    });
    return {};
  }

  async #install(offer: Offer): Promise<void> {
    verifyOffer(offer, this.#init.gatewayKey);
    const known = this.#installs.get(`${offer.deployment}:${offer.revision}`);
    if (known !== undefined) return;
    const { deployment, revision, package: digest } = offer;
    const install: Install = { deployment, revision, package: digest, state: 'fetching', since: 1 };
    await this.#report(install);
    await this.mesh.swarm.fetch({ digest, size: offer.size });
    const manifest = parseManifest(await this.blobs.read(digest, MAX_MANIFEST_BYTES));
    const all = [manifest.config, ...manifest.layers];
    const lists = all.filter(({ mediaType }) => mediaType === MEDIA.chunks);
    const files = all.filter(({ mediaType }) => mediaType !== MEDIA.chunks);
    await this.mesh.swarm.fetchAll(
      [...lists, ...files].map(({ digest: blob, size }) => ({ digest: blob, size })),
    );
    this.installed.push(offer);
    const updates = [...this.#installs.values()].some(({ state }) => state === 'active');
    const waits = updates && !offer.autoUpdate;
    const state = waits ? 'awaiting-consent' : (this.#init.outcome?.(offer) ?? 'active');
    const problem = { code: 'ERR_GOLDEN_MISMATCH', message: 'as the test wants it' };
    await this.#report({ ...install, state, ...(state === 'failed' ? { problem } : {}) });
  }

  async #report(install: Install): Promise<void> {
    this.#installs.set(`${install.deployment}:${install.revision}`, install);
    await this.mesh.call(this.#init.gatewayId, 'installed', install);
  }
}
