import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { Aedes } from 'aedes';

const MAX_CALL_BYTES = 1024 * 1024;

/** What a factory floor has beside the mesh: an MQTT broker, and an andon board that is called over HTTP. */
export class Instruments {
  /** Messages that apps published, by topic. */
  readonly messages: { topic: string; payload: Buffer }[] = [];
  /** Calls that the andon board received: their idempotency keys. */
  readonly calls: string[] = [];
  #broker: Aedes | undefined;
  #mqtt: TcpServer | undefined;
  #http: HttpServer | undefined;

  async start(): Promise<void> {
    this.#broker = await Aedes.createBroker();
    this.#broker.on('publish', (packet, client) => {
      if (client !== null && packet.topic.startsWith('result/'))
        this.messages.push({ topic: packet.topic, payload: Buffer.from(packet.payload) });
    });
    this.#mqtt = createTcpServer(this.#broker.handle);
    this.#http = createHttpServer((request, response) => {
      let size = 0;
      request.on('data', (data: Buffer) => {
        size += data.byteLength;
        if (size > MAX_CALL_BYTES) request.destroy();
      });
      request.on('end', () => {
        this.calls.push(String(request.headers['idempotency-key'] ?? ''));
        response.writeHead(204).end();
      });
    });
    for (const server of [this.#mqtt, this.#http]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${portOf(this.#mqtt)}`;
  }

  get andonUrl(): string {
    return `http://127.0.0.1:${portOf(this.#http)}/andon`;
  }

  /** Publishes as a camera that talks MQTT would. */
  async publish(topic: string, payload: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#broker?.publish(
        { cmd: 'publish', qos: 1, dup: false, retain: false, topic, payload: Buffer.from(payload) },
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) =>
      this.#broker === undefined ? resolve() : this.#broker.close(resolve),
    );
    this.#http?.closeAllConnections();
    for (const server of [this.#mqtt, this.#http])
      await new Promise<void>((resolve) =>
        server === undefined ? resolve() : server.close(() => resolve()),
      );
  }
}

function portOf(server: TcpServer | HttpServer | undefined): number {
  return (server?.address() as AddressInfo).port;
}
