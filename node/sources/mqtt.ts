import { randomUUID } from 'node:crypto';
import { connect, type MqttClient } from 'mqtt';
import { digestOf, type Logger, shortDigest } from '../../core/index.ts';
import { RETRY_DELAY_MAX_MS, RETRY_DELAY_MS } from '../constants.ts';
import { EVENT_BYTES, type SourceInit } from '../init.ts';
import type { Source, SourceSink } from './source.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Messages of an MQTT topic. The session is kept by the broker under the client id, so that messages that come while
 * the node is down are told when it is back, as far as the broker keeps them.
 */
export class MqttSource implements Source {
  readonly name: string;
  readonly #init: Extract<SourceInit, { type: 'mqtt' }>;
  readonly #clientId: string;
  readonly #log: Logger;
  #client: MqttClient | undefined;

  constructor(init: Extract<SourceInit, { type: 'mqtt' }>, clientId: string, log: Logger) {
    this.name = init.name;
    this.#init = init;
    this.#clientId = clientId;
    this.#log = log;
  }

  async start(sink: SourceSink): Promise<void> {
    if (this.#client !== undefined) return;
    const { url, topic } = this.#init;
    let delay = RETRY_DELAY_MS;
    const client = connect(url, {
      clientId: this.#clientId,
      clean: false,
      reconnectPeriod: delay,
      connectTimeout: CONNECT_TIMEOUT_MS,
    });
    this.#client = client;
    client.on('connect', () => {
      delay = RETRY_DELAY_MS;
      client.options.reconnectPeriod = delay;
      client.subscribe(topic, { qos: 1 }, (error) => {
        if (error !== null) this.#log.warn({ source: this.name, error }, 'the broker refused a subscription');
      });
    });
    client.on('close', () => {
      delay = Math.min(delay * 2, RETRY_DELAY_MAX_MS);
      client.options.reconnectPeriod = delay;
    });
    client.on('message', (from, payload, packet) => this.#tell(sink, from, payload, packet.retain));
    client.on('error', (error) =>
      this.#log.warn({ source: this.name, error }, 'the broker cannot be reached'),
    );
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.endAsync(true);
  }

  #tell(sink: SourceSink, topic: string, payload: Uint8Array, retained: boolean): void {
    if (payload.byteLength > EVENT_BYTES) {
      this.#log.warn(
        { source: this.name, bytes: payload.byteLength },
        'a message is too large to be an event',
      );
      return;
    }
    const data = Uint8Array.from(payload);
    // A retained message comes again with every new session: its content is what makes it the same one.
    const id = retained ? `retained-${shortDigest(digestOf(data))}` : randomUUID();
    sink.emit({
      id: `${this.name}/${id}`,
      kind: this.#init.event,
      source: this.name,
      name: topic,
      at: Date.now(),
      heldBytes: data.byteLength,
      replayable: retained,
      read: async () => data,
    });
  }
}
