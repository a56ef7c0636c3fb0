import type { Connection, PeerId } from '@libp2p/interface';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import type { Logger } from '../../core/index.ts';
import { DIAL_TIMEOUT_MS, PEER_SLACK, SHORT_CONNECTION_MS } from '../constants.ts';
import type { Host } from '../host/create-host.ts';
import { peerInAddress } from './addresses.ts';
import { type Target, Targets } from './targets.ts';

export interface DialerInit {
  self: string;
  gateway: string | undefined;
  maxPeers: number;
  /** Multiaddrs that are always dialled. */
  peers: readonly string[];
}

/** Keeps a host connected: dials who was found or configured, again after a loss, and holds the bound on peers. */
export class Dialer {
  readonly #log: Logger;
  readonly #targets: Targets;
  readonly #connectedAt = new Map<string, number>();
  readonly #stopped = new AbortController();
  #host: Host | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(init: DialerInit, log: Logger) {
    this.#log = log;
    this.#targets = new Targets(init);
    for (const address of init.peers) this.#targets.addStatic(address, peerInAddress(address));
  }

  start(host: Host): void {
    this.#host = host;
    const { libp2p } = host;
    const { signal } = this.#stopped;
    const options = { signal } as AddEventListenerOptions;
    libp2p.addEventListener('peer:connect', (event) => this.#connected(event.detail), options);
    libp2p.addEventListener('peer:disconnect', (event) => this.#disconnected(event.detail), options);
    this.#work();
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  /** A peer was found, or is known from an earlier run, at these multiaddrs. May be called before the start. */
  found(peer: string, addresses: readonly string[]): void {
    this.#targets.found(peer, addresses, Date.now());
    this.#work();
  }

  #connected(peer: PeerId): void {
    this.#connectedAt.set(peer.toString(), Date.now());
    for (const surplus of this.#targets.surplus([...this.#connectedAt.keys()], PEER_SLACK)) {
      this.#log.debug({ peer: surplus }, 'closing a connection beyond the bound');
      void Promise.all(this.#connectionsOf(surplus).map((connection) => connection.close())).catch(
        (error: unknown) => this.#log.debug({ peer: surplus, error }, 'could not close a connection'),
      );
    }
    this.#work();
  }

  #disconnected(id: PeerId): void {
    const peer = id.toString();
    const since = this.#connectedAt.get(peer) ?? 0;
    this.#connectedAt.delete(peer);
    this.#targets.lost(peer, Date.now() - since < SHORT_CONNECTION_MS, Date.now());
    this.#work();
  }

  #connectionsOf(peer: string): Connection[] {
    const connections = this.#host?.libp2p.getConnections() ?? [];
    return connections.filter((connection) => connection.remotePeer.toString() === peer);
  }

  /** Dials what is due and sets the timer for what comes next. */
  #work(): void {
    clearTimeout(this.#timer);
    const host = this.#host;
    if (host === undefined || this.#stopped.signal.aborted) return;
    const connected = new Set(host.libp2p.getPeers().map(String));
    for (const target of this.#targets.take(connected, Date.now())) void this.#dial(host, target);
    const next = this.#targets.nextAt(connected);
    if (next !== undefined) this.#timer = setTimeout(() => this.#work(), Math.max(0, next - Date.now()));
  }

  async #dial(host: Host, target: Target): Promise<void> {
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
    try {
      const connection = await host.libp2p.dial(dialAddresses(target), { signal });
      this.#targets.succeeded(target, connection.remotePeer.toString());
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#targets.failed(target, Date.now());
      this.#log.debug(
        { addresses: target.addresses, failures: target.failures, error },
        'could not dial a peer',
      );
    }
    this.#work();
  }
}

/** With the peer id in it, an address where another peer answers now is refused instead of taken. */
function dialAddresses(target: Target): Multiaddr[] {
  return target.addresses.map((address) =>
    target.peer === undefined || peerInAddress(address) !== undefined
      ? multiaddr(address)
      : multiaddr(address).encapsulate(`/p2p/${target.peer}`),
  );
}
