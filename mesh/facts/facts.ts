import type { Message, TopicValidatorResult } from '@libp2p/gossipsub';
import { TopicValidatorResult as Verdict } from '@libp2p/gossipsub';
import { decode, encode, type Logger, MAX_FACT_BYTES, MessageTooLargeError } from '../../core/index.ts';
import type { Host } from '../host/create-host.ts';

export interface FactContext {
  /** The peer that published it and signed it, whoever passed it on. */
  from: string;
}

export type FactListener = (value: unknown, context: FactContext) => void;

/**
 * Small signed facts that everyone on a site hears: gossip. What is too large or is not CBOR is refused before it is
 * passed on, and counts against the peer that it came from.
 */
export class Facts {
  readonly #site: string;
  readonly #log: Logger;
  readonly #onHeard: (peer: string) => void;
  readonly #listeners = new Map<string, Set<FactListener>>();
  #host: Host | undefined;

  /** @param onHeard called with the neighbour that a message came from */
  constructor(site: string, log: Logger, onHeard: (peer: string) => void) {
    this.#site = site;
    this.#log = log;
    this.#onHeard = onHeard;
  }

  start(host: Host): void {
    this.#host = host;
    host.gossip?.addEventListener('gossipsub:message', ({ detail }) => {
      this.#onHeard(detail.propagationSource.toString());
      this.#deliver(detail.msg);
    });
    for (const topic of this.#listeners.keys()) this.#join(topic);
  }

  stop(): void {
    this.#host = undefined;
  }

  /** @throws {MessageTooLargeError} above `MAX_FACT_BYTES` */
  async publish(name: string, value: unknown): Promise<void> {
    if (this.#host?.gossip === undefined) throw new TypeError('gossip is off, or the mesh is not started');
    const bytes = encode(value);
    if (bytes.byteLength > MAX_FACT_BYTES)
      throw new MessageTooLargeError(
        `a fact has ${bytes.byteLength} bytes where ${MAX_FACT_BYTES} are allowed`,
      );
    await this.#host.gossip.publish(this.#topic(name), bytes);
  }

  subscribe(name: string, listener: FactListener): () => void {
    const topic = this.#topic(name);
    let listeners = this.#listeners.get(topic);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(topic, listeners);
      this.#join(topic);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#listeners.get(topic) !== listeners) return;
      this.#listeners.delete(topic);
      this.#host?.gossip?.unsubscribe(topic);
      this.#host?.gossip?.topicValidators.delete(topic);
    };
  }

  #topic(name: string): string {
    return `/floormesh/${this.#site}/${name}`;
  }

  #join(topic: string): void {
    const gossip = this.#host?.gossip;
    if (gossip === undefined) return;
    gossip.topicValidators.set(topic, (_peer, message) => verdict(message));
    gossip.subscribe(topic);
  }

  #deliver(message: Message): void {
    const listeners = this.#listeners.get(message.topic);
    if (listeners === undefined || message.type !== 'signed') return;
    const value = decode(message.data, MAX_FACT_BYTES);
    for (const listener of listeners) {
      try {
        listener(value, { from: message.from.toString() });
      } catch (error) {
        this.#log.warn({ topic: message.topic, error }, 'a fact could not be taken in');
      }
    }
  }
}

function verdict(message: Message): TopicValidatorResult {
  try {
    decode(message.data, MAX_FACT_BYTES);
    return Verdict.Accept;
  } catch {
    return Verdict.Reject;
  }
}
