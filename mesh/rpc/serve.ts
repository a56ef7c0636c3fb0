import type { Connection, Stream } from '@libp2p/interface';
import { decode, encode, errorRecord, type Logger, MAX_RPC_BYTES } from '../../core/index.ts';
import { MAX_RPC_STREAMS, RPC_REQUEST_TIMEOUT_MS, RPC_TIMEOUT_MS } from '../constants.ts';
import type { Host } from '../host/create-host.ts';
import { frames } from './frames.ts';
import { protocolOf } from './protocol.ts';

export interface RequestContext {
  /** Who asks: the peer id that its key proves. */
  peer: string;
  /** Aborts when the caller gives up or goes away, and when this host stops. */
  signal: AbortSignal;
}

export type RequestHandler = (request: unknown, context: RequestContext) => Promise<unknown>;

export interface ServeInit {
  name: string;
  handler: RequestHandler;
  maxBytes?: number;
}

/** Answers requests of one name until the host stops. An error ends that stream and nothing else. */
export async function serve(host: Host, init: ServeInit, log: Logger): Promise<void> {
  const maxBytes = init.maxBytes ?? MAX_RPC_BYTES;
  const onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peer = connection.remotePeer.toString();
    try {
      await answer(stream, peer, init, maxBytes);
    } catch (error) {
      log.debug({ peer, name: init.name, error }, 'a request was not answered');
      stream.abort(error instanceof Error ? error : new Error('not answered'));
    }
  };
  await host.libp2p.handle(protocolOf(init.name), onStream, {
    maxInboundStreams: MAX_RPC_STREAMS,
    maxOutboundStreams: Number.MAX_SAFE_INTEGER,
  });
}

async function answer(stream: Stream, peer: string, init: ServeInit, maxBytes: number): Promise<void> {
  const messages = frames(stream, maxBytes);
  const closed = new AbortController();
  stream.addEventListener('close', () => closed.abort(new Error('the caller went away')), { once: true });
  let reply: Uint8Array;
  try {
    const request = await messages.read({ signal: AbortSignal.timeout(RPC_REQUEST_TIMEOUT_MS) });
    const value = await init.handler(decode(request, maxBytes), { peer, signal: closed.signal });
    reply = encode({ value });
    if (reply.byteLength > maxBytes) reply = encode({ error: tooLarge(reply.byteLength, maxBytes) });
  } catch (error) {
    if (closed.signal.aborted) throw error;
    reply = encode({ error: errorRecord(error) });
  }
  const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(RPC_TIMEOUT_MS)]);
  await messages.write(reply, { signal });
  await stream.close({ signal });
}

function tooLarge(bytes: number, maxBytes: number): object {
  return {
    code: 'ERR_MESSAGE_TOO_LARGE',
    message: `the answer has ${bytes} bytes where ${maxBytes} are allowed`,
  };
}
