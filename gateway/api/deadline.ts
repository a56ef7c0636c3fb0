import type { FastifyReply } from 'fastify';
import { TimeoutError } from '../../core/index.ts';
import { REQUEST_TIMEOUT_MS } from './constants.ts';

/**
 * Does work for a request until it is done, its time is over, or its caller has gone away. Fastify's own
 * `request.signal` and `handlerTimeout` follow the request's `close`, which Node emits as soon as a body was read, not
 * when the connection ends.
 *
 * @throws {TimeoutError} and what the work throws
 */
export async function withDeadline<T>(
  reply: FastifyReply,
  work: (signal: AbortSignal) => Promise<T>,
  timeoutMs: number = REQUEST_TIMEOUT_MS,
): Promise<T> {
  const ending = new AbortController();
  const over = Promise.withResolvers<never>();
  const end = (error: Error): void => {
    ending.abort(error);
    over.reject(error);
  };
  const timer = setTimeout(() => end(new TimeoutError(`not done within ${timeoutMs / 1000} s`)), timeoutMs);
  const gone = (): void => end(new DOMException('the caller has gone away', 'AbortError'));
  reply.raw.once('close', gone);
  try {
    return await Promise.race([work(ending.signal), over.promise]);
  } finally {
    clearTimeout(timer);
    reply.raw.off('close', gone);
  }
}
