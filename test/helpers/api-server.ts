import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../core/index.ts';
import { api, type Api, type ApiInit } from '../../gateway/api/index.ts';
import { MemoryGateway } from './memory-gateway.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The body as JSON. */
  json<T>(): T;
}

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Sends the right token. */
  authorised?: boolean;
}

/** A running API of a gateway in memory, with a plain HTTP client that sends just what it is told. */
export interface ApiServer {
  gateway: MemoryGateway;
  api: Api;
  dir: string;
  call(path: string, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

export async function startApiServer(init: Partial<ApiInit> = {}): Promise<ApiServer> {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-api-'));
  const gateway = new MemoryGateway();
  const server = api({ tokenFile: join(dir, 'api.token'), ...init })({ gateway, log: silentLogger });
  await server.start();
  return {
    gateway,
    api: server,
    dir,
    call: (path, options = {}) => call(server, path, options),
    close: async () => {
      await server.stop();
      await rm(dir, { recursive: true });
    },
  };
}

function call(server: Api, path: string, options: CallOptions): Promise<Answer> {
  const { method = 'GET', body, authorised = false } = options;
  const headers = {
    ...(authorised ? { authorization: `Bearer ${server.token}` } : {}),
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(server.url + path, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(parts);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: bytes,
          json: <T>() => JSON.parse(bytes.toString()) as T,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A JSON body with its content type. */
export function jsonBody(value: unknown): CallOptions {
  return { method: 'POST', body: JSON.stringify(value), headers: { 'content-type': 'application/json' } };
}
