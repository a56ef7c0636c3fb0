import { errorRecord, type Logger } from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { NOTICE_TIMEOUT_MS } from '../constants.ts';
import type { BridgeMesh } from './bridge-mesh.ts';
import { publish } from './publish.ts';

export interface BridgeInit {
  /** Of the provider, for logs. */
  name: string;
}

export interface BridgeComponents {
  mesh: BridgeMesh;
  catalog: Catalog;
  /** The layout's own: what it has, the mesh serves. */
  blobs: BlobStore;
  log: Logger;
}

/** Serves a catalog to gateways: lists it, tells them when it changed, takes releases that a trusted publisher signed. */
export interface Bridge {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes a bridge. It does nothing before `start()`; the mesh is started and stopped by its owner. */
export function bridge(init: BridgeInit): (components: BridgeComponents) => Bridge {
  return (components) => new CatalogBridge(init, components);
}

class CatalogBridge implements Bridge {
  readonly #name: string;
  readonly #components: BridgeComponents;
  /** Peers that have listed the catalog and are connected since. */
  readonly #listeners = new Set<string>();
  #ends: (() => void)[] = [];
  #running: AbortController | undefined;
  #telling: Promise<void> | undefined;
  #again = false;

  constructor(init: BridgeInit, components: BridgeComponents) {
    this.#name = init.name;
    this.#components = components;
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const running = new AbortController();
    this.#running = running;
    const { mesh, catalog, log } = this.#components;
    this.#ends = [
      mesh.handle('catalog', async (_request, { peer }) => {
        this.#listeners.add(peer);
        return catalog.listing();
      }),
      mesh.handle('publish', async (request, { peer, signal }) => {
        const entry = await publish(request, this.#components, {
          peer,
          signal: AbortSignal.any([signal, running.signal]),
        });
        const { kind, name, version } = entry;
        log.info({ bridge: this.#name, peer, kind, name, version }, 'a release was published');
        return { entry };
      }),
      mesh.onPeer((peer, connected) => {
        if (!connected) this.#listeners.delete(peer);
      }),
      catalog.onChange(() => void this.#tell()),
    ];
  }

  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    for (const end of this.#ends.splice(0)) end();
    this.#listeners.clear();
    await this.#telling;
  }

  /** Tells everyone who listed; changes that come meanwhile are told once more together. */
  #tell(): Promise<void> {
    this.#again = true;
    this.#telling ??= this.#tellAll().finally(() => (this.#telling = undefined));
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    const { catalog, log } = this.#components;
    while (this.#again && this.#running !== undefined) {
      this.#again = false;
      try {
        const { revision } = await catalog.listing();
        await Promise.all([...this.#listeners].map((peer) => this.#tellOne(peer, revision)));
      } catch (error) {
        log.warn({ bridge: this.#name, problem: errorRecord(error) }, 'the catalog could not be read');
      }
    }
  }

  async #tellOne(peer: string, revision: number): Promise<void> {
    const { mesh, log } = this.#components;
    const { signal } = this.#running ?? {};
    try {
      await mesh.call(peer, 'catalog-changed', { revision }, { signal, timeoutMs: NOTICE_TIMEOUT_MS });
    } catch (error) {
      // It lists again when it connects again.
      log.debug(
        { bridge: this.#name, peer, problem: errorRecord(error) },
        'a gateway was not told of a change',
      );
    }
  }
}
