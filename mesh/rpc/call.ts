import type { Stream } from '@libp2p/interface';
import { encode, errorFromRecord, FloormeshError, isAbort, TimeoutError } from '../../core/index.ts';
import { PeerUnreachableError, RpcRefusedError } from '../errors.ts';
import type { Host } from '../host/create-host.ts';
import { parsePeerId } from '../host/identity.ts';
import { parseAnswer } from './answer.ts';
import { frames } from './frames.ts';
import { protocolOf } from './protocol.ts';

export interface CallInit {
  peer: string;
  name: string;
  request: unknown;
  timeoutMs: number;
  /** The largest request or answer. */
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/**
 * Asks a peer and returns its answer.
 *
 * @throws the peer's error with its code
 * @throws {PeerUnreachableError} @throws {RpcRefusedError} @throws {MessageTooLargeError} @throws {InvalidInputError}
 * @throws {TimeoutError} @throws the signal's reason
 */
export async function call(host: Host, init: CallInit): Promise<unknown> {
  const timeout = AbortSignal.timeout(init.timeoutMs);
  const signal = init.signal === undefined ? timeout : AbortSignal.any([timeout, init.signal]);
  const message = encode(init.request);
  let stream: Stream | undefined;
  try {
    stream = await openStream(host, init.peer, protocolOf(init.name), signal);
    const messages = frames(stream, init.maxBytes);
    await messages.write(message, { signal });
    const answer = parseAnswer(await messages.read({ signal }), init.maxBytes);
    await stream.close({ signal });
    if ('error' in answer) throw errorFromRecord(answer.error);
    return answer.value;
  } catch (error) {
    stream?.abort(error instanceof Error ? error : new Error('given up'));
    init.signal?.throwIfAborted();
    if (timeout.aborted && isAbort(error))
      throw new TimeoutError(`${init.peer} did not answer ${init.name} in ${init.timeoutMs} ms`, {
        cause: error,
      });
    throw brokenStream(init.peer, error);
  }
}

/**
 * Opens a stream to a peer, over a new connection where there is none and its address is known.
 *
 * @throws {PeerUnreachableError} @throws {RpcRefusedError} when it does not speak the protocol @throws the signal's reason
 */
export async function openStream(
  host: Host,
  peer: string,
  protocol: string,
  signal: AbortSignal,
): Promise<Stream> {
  const id = parsePeerId(peer);
  if (id === undefined) throw new TypeError(`not a peer id: ${peer}`);
  try {
    return await host.libp2p.dialProtocol(id, protocol, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && error.name === 'UnsupportedProtocolError')
      throw new RpcRefusedError(`${peer} does not answer ${protocol}`, { cause: error });
    throw new PeerUnreachableError(`${peer} cannot be reached`, { cause: error });
  }
}

/** Says what a broken stream means to the caller: that the peer is gone. Errors that have a code keep it. */
function brokenStream(peer: string, error: unknown): unknown {
  if (error instanceof FloormeshError || isAbort(error) || error instanceof TypeError) return error;
  return new PeerUnreachableError(`${peer} went away before it answered`, { cause: error });
}
