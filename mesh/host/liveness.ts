import type { Connection } from '@libp2p/interface';
import type { Logger } from '../../core/index.ts';
import { LIVENESS_INTERVAL_MS, LIVENESS_TIMEOUT_MS } from '../constants.ts';
import type { Host } from './create-host.ts';

/**
 * Notices peers that went away without a word: a cable was pulled, a machine lost power. TCP alone would take a
 * quarter of an hour. Peers that were heard of late are not pinged.
 */
export class Liveness {
  readonly #host: Host;
  readonly #log: Logger;
  readonly #heard = new Map<string, number>();
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(host: Host, log: Logger) {
    this.#host = host;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#check(), LIVENESS_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopped.abort();
  }

  /** Bytes came from that peer. */
  heard(peer: string): void {
    this.#heard.set(peer, Date.now());
  }

  forget(peer: string): void {
    this.#heard.delete(peer);
  }

  async #check(): Promise<void> {
    const silentSince = Date.now() - LIVENESS_INTERVAL_MS;
    const silent = this.#host.libp2p
      .getConnections()
      .filter((connection) => (this.#heard.get(connection.remotePeer.toString()) ?? 0) < silentSince);
    await Promise.all(silent.map((connection) => this.#probe(connection)));
  }

  /**
   * A ping that is not answered in time may be this machine's own doing: after something that held up its event loop,
   * timers fire before what came in meanwhile is read. So only two of them in a row, and nothing else heard, end a
   * connection.
   */
  async #probe(connection: Connection, tries = 2): Promise<void> {
    const peer = connection.remotePeer;
    const asked = Date.now();
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(LIVENESS_TIMEOUT_MS)]);
    try {
      await this.#host.ping.ping(peer, { signal });
      this.heard(peer.toString());
    } catch (error) {
      if (this.#stopped.signal.aborted || connection.status !== 'open') return;
      if ((this.#heard.get(peer.toString()) ?? 0) >= asked) return;
      if (tries > 1) return this.#probe(connection, tries - 1);
      this.#log.debug({ peer: peer.toString(), error }, 'a peer does not answer');
      connection.abort(error instanceof Error ? error : new Error('no answer to a ping'));
    }
  }
}
