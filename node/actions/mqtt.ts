import { connectAsync, type MqttClient } from 'mqtt';
import { ACTION_TIMEOUT_MS } from '../constants.ts';
import { ActionUnreachableError } from '../errors.ts';
import { actionJson, type ActionRecord, type ActionTarget } from './action.ts';

/** Publishes to an MQTT topic, at least once (quality of service 1). */
export class MqttTarget implements ActionTarget {
  readonly #url: string;
  readonly #topic: string;
  #client: MqttClient | undefined;

  constructor(url: string, topic: string) {
    this.#url = url;
    this.#topic = topic;
  }

  async deliver(record: ActionRecord, { signal }: { signal: AbortSignal }): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ACTION_TIMEOUT_MS)]);
    const aborted = new Promise<never>((_, reject) => {
      limit.addEventListener('abort', () => reject(limit.reason), { once: true });
    });
    try {
      limit.throwIfAborted();
      const client = await this.#connected();
      await Promise.race([client.publishAsync(this.#topic, actionJson(record), { qos: 1 }), aborted]);
    } catch (cause) {
      // A client that is left would publish this message when it is connected again, beside the next try.
      await this.stop();
      throw new ActionUnreachableError('the broker could not be reached', { cause });
    }
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.endAsync(true);
  }

  async #connected(): Promise<MqttClient> {
    if (this.#client?.connected === true) return this.#client;
    await this.stop();
    const client = await connectAsync(
      this.#url,
      { reconnectPeriod: 0, connectTimeout: ACTION_TIMEOUT_MS, queueQoSZero: false },
      false,
    );
    // Without a listener an error of the connection would end the process; the next delivery sees it anyway.
    client.on('error', () => undefined);
    this.#client = client;
    return client;
  }
}
