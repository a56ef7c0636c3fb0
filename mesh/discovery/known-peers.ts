import type { Logger } from '../../core/index.ts';
import { MAX_ADDRESSES_PER_PEER, MAX_KNOWN_PEERS, SAVE_KNOWN_PEERS_MS } from '../constants.ts';
import type { Host } from '../host/create-host.ts';
import { checkAddress, peerInAddress } from './addresses.ts';

/** Where the addresses of peers are kept from one run to the next. */
export interface KnownPeers {
  /** Multiaddrs with peer ids. */
  load(): Promise<string[]>;
  save(addresses: string[]): Promise<void>;
}

/** The addresses that are kept, by peer. What cannot be dialled any more is left out. */
export async function loadKnownPeers(known: KnownPeers, log: Logger): Promise<Map<string, string[]>> {
  const byPeer = new Map<string, string[]>();
  try {
    for (const address of await known.load()) {
      const peer = usablePeer(address);
      if (peer !== undefined) byPeer.set(peer, [...(byPeer.get(peer) ?? []), address]);
    }
  } catch (error) {
    log.warn({ error }, 'the known peers cannot be read');
  }
  return byPeer;
}

/** Saves the addresses that peers have told of themselves, a moment after the last one did. Returns what ends it. */
export function saveKnownPeers(known: KnownPeers, host: Host, log: Logger): () => void {
  const byPeer = new Map<string, string[]>();
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    timer = undefined;
    known.save([...byPeer.values()].flat()).catch((error: unknown) => {
      log.warn({ error }, 'the known peers cannot be saved');
    });
  };
  const ended = new AbortController();
  host.libp2p.addEventListener(
    'peer:identify',
    ({ detail }) => {
      const peer = detail.peerId.toString();
      byPeer.delete(peer);
      byPeer.set(
        peer,
        detail.listenAddrs
          .slice(0, MAX_ADDRESSES_PER_PEER)
          .map((address) => address.toString())
          .map((address) => (peerInAddress(address) === undefined ? `${address}/p2p/${peer}` : address)),
      );
      const oldest = byPeer.keys().next().value;
      if (byPeer.size > MAX_KNOWN_PEERS && oldest !== undefined) byPeer.delete(oldest);
      timer ??= setTimeout(save, SAVE_KNOWN_PEERS_MS).unref();
    },
    { signal: ended.signal } as AddEventListenerOptions,
  );
  return () => {
    ended.abort();
    if (timer === undefined) return;
    clearTimeout(timer);
    save();
  };
}

function usablePeer(address: string): string | undefined {
  try {
    checkAddress(address);
    return peerInAddress(address);
  } catch {
    return undefined;
  }
}
