import { MAX_ADDRESSES_PER_PEER, MAX_FOUND_PEERS, YIELD_MS } from '../constants.ts';
import { backoffMs } from './backoff.ts';

/** Somebody to be connected to: an address from the configuration, or a peer that was found or is known from before. */
export interface Target {
  /** The address for a static target, the peer id for the others. */
  readonly key: string;
  /** Multiaddrs, newest first. */
  addresses: string[];
  /** Known for found peers at once, for static ones after the first connection. */
  peer: string | undefined;
  /** Static targets and the gateway: dialled whatever the bound on peers says, and never given up. */
  readonly keep: boolean;
  failures: number;
  /** Not to be dialled before, in milliseconds since 1970. */
  notBefore: number;
  dialling: boolean;
}

export interface TargetsInit {
  self: string;
  gateway: string | undefined;
  maxPeers: number;
  random?: () => number;
}

/** Whom to dial and when: decides, and leaves the dialling to the dialer. */
export class Targets {
  readonly #init: TargetsInit;
  readonly #random: () => number;
  readonly #targets = new Map<string, Target>();

  constructor(init: TargetsInit) {
    this.#init = init;
    this.#random = init.random ?? Math.random;
  }

  addStatic(address: string, peer: string | undefined): void {
    if (peer === this.#init.self || this.#targets.has(address)) return;
    this.#targets.set(address, {
      key: address,
      addresses: [address],
      peer,
      keep: true,
      failures: 0,
      notBefore: 0,
      dialling: false,
    });
  }

  /**
   * A peer was found at these addresses. Of two that find each other at once the one with the smaller id dials; the
   * other waits a little, so that they don't connect twice.
   */
  found(peer: string, addresses: readonly string[], now: number): void {
    if (peer === this.#init.self || addresses.length === 0) return;
    const known = this.#targets.get(peer);
    if (known !== undefined) {
      const fresh = addresses.filter((address) => !known.addresses.includes(address));
      if (fresh.length === 0) return;
      known.addresses = [...new Set([...addresses, ...known.addresses])].slice(0, MAX_ADDRESSES_PER_PEER);
      known.failures = 0;
      known.notBefore = Math.min(known.notBefore, now);
      return;
    }
    if (this.#targets.size >= MAX_FOUND_PEERS && peer !== this.#init.gateway) this.#forgetWorst();
    const yields = this.#init.self > peer ? YIELD_MS : 0;
    this.#targets.set(peer, {
      key: peer,
      addresses: addresses.slice(0, MAX_ADDRESSES_PER_PEER),
      peer,
      keep: peer === this.#init.gateway,
      failures: 0,
      notBefore: now + yields + Math.round(this.#random() * 200),
      dialling: false,
    });
  }

  /** The targets to dial now. Marks them as being dialled. */
  take(connected: ReadonlySet<string>, now: number): Target[] {
    const taken: Target[] = [];
    let free = this.#init.maxPeers - this.#others(connected) - this.#diallingOthers();
    for (const target of this.#byTime()) {
      if (target.notBefore > now) break;
      if (!this.#wanted(target, connected)) continue;
      if (!target.keep && free <= 0) continue;
      if (!target.keep) free -= 1;
      target.dialling = true;
      taken.push(target);
    }
    return taken;
  }

  /** When `take` will next have something, or undefined when only an event can change that. */
  nextAt(connected: ReadonlySet<string>): number | undefined {
    const full = this.#others(connected) + this.#diallingOthers() >= this.#init.maxPeers;
    const waiting = this.#byTime().filter(
      (target) => this.#wanted(target, connected) && (target.keep || !full),
    );
    return waiting[0]?.notBefore;
  }

  succeeded(target: Target, peer: string): void {
    target.dialling = false;
    target.failures = 0;
    target.peer = peer;
  }

  failed(target: Target, now: number): void {
    target.dialling = false;
    target.notBefore = now + backoffMs(target.failures, this.#random());
    target.failures += 1;
  }

  /** A connection ended. One that was short was not wanted by the other side, and is not sought again soon. */
  lost(peer: string, short: boolean, now: number): void {
    for (const target of this.#targets.values()) {
      if (target.peer !== peer || target.dialling) continue;
      if (short) target.failures += target.keep ? 1 : 3;
      target.notBefore = now + backoffMs(target.failures, this.#random());
    }
  }

  /** Peers that have to go for the bound to hold again, the newest first; never the gateway or a static one. */
  surplus(connected: readonly string[], slack: number): string[] {
    const others = connected.filter((peer) => !this.#kept(peer));
    const tooMany = others.length - (this.#init.maxPeers + slack);
    return tooMany <= 0 ? [] : others.slice(-tooMany);
  }

  #wanted(target: Target, connected: ReadonlySet<string>): boolean {
    return !target.dialling && !(target.peer !== undefined && connected.has(target.peer));
  }

  #byTime(): Target[] {
    return [...this.#targets.values()].sort((a, b) => a.notBefore - b.notBefore);
  }

  #kept(peer: string): boolean {
    if (peer === this.#init.gateway) return true;
    return [...this.#targets.values()].some((target) => target.keep && target.peer === peer);
  }

  #others(connected: ReadonlySet<string>): number {
    return [...connected].filter((peer) => !this.#kept(peer)).length;
  }

  #diallingOthers(): number {
    return [...this.#targets.values()].filter((target) => target.dialling && !target.keep).length;
  }

  #forgetWorst(): void {
    const worst = [...this.#targets.values()]
      .filter((target) => !target.keep && !target.dialling)
      .sort((a, b) => b.failures - a.failures)[0];
    if (worst !== undefined) this.#targets.delete(worst.key);
  }
}
