import { type ServerEvent, serverEvents } from '../../cli/sse.ts';
import type { ApiServer } from './api-server.ts';

/** Reads a stream of server-sent events step by step. */
export interface StreamReader {
  status: number;
  /** The next message. Undefined when the stream has ended. */
  next(): Promise<ServerEvent | undefined>;
  /** Goes away without a word. */
  leave(): void;
}

export async function readStream(
  { api }: ApiServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<StreamReader> {
  const leaving = new AbortController();
  const response = await fetch(`${api.url}/api/v1/${path}`, { headers, signal: leaving.signal });
  const messages = serverEvents(response.body ?? new ReadableStream());
  return {
    // By the response itself: fetch gives up a body that nobody reads yet once its response is collected.
    get status() {
      return response.status;
    },
    next: async () => {
      const { value, done } = await messages.next();
      return done === true ? undefined : value;
    },
    leave: () => leaving.abort(),
  };
}
