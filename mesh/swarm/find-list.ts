import type { ChunkList, Digest, Logger } from '../../core/index.ts';
import { NoSourceError } from '../errors.ts';
import type { HaveListener } from './have-watch.ts';
import type { Want } from './want.ts';

export interface FindListInit {
  want: Want;
  /** Peers that are not to be asked (again). Who is asked is added. */
  tried: Set<string>;
  timeoutMs: number;
  signal: AbortSignal;
}

export interface FindListComponents {
  log: Logger;
  watch: (digest: Digest, listener: HaveListener) => () => void;
  ask: (peer: string) => Promise<ChunkList>;
}

/**
 * The chunk list of a blob that came without one, by the first peer that has some of it and gives a list.
 *
 * @throws {NoSourceError} when none did in time @throws the signal's reason
 */
export async function findList(init: FindListInit, components: FindListComponents): Promise<ChunkList> {
  const deadline = Date.now() + init.timeoutMs;
  for (;;) {
    const peer = await findSource(init, components, Math.max(0, deadline - Date.now()));
    init.tried.add(peer);
    try {
      return await components.ask(peer);
    } catch (error) {
      init.signal.throwIfAborted();
      components.log.debug({ peer, digest: init.want.digest, error }, 'a peer gave no chunk list');
    }
  }
}

/** Waits for a peer that has some of the blob. @throws {NoSourceError} @throws the signal's reason */
async function findSource(
  init: FindListInit,
  components: FindListComponents,
  waitMs: number,
): Promise<string> {
  const { want, tried, signal } = init;
  signal.throwIfAborted();
  const found = Promise.withResolvers<string>();
  const timer = setTimeout(() => found.reject(new NoSourceError(`nobody here has ${want.digest}`)), waitMs);
  const onEnded = (): void => found.reject(signal.reason);
  signal.addEventListener('abort', onEnded, { once: true });
  const unwatch = components.watch(want.digest, (peer, statement) => {
    if (statement.state !== 'none' && !tried.has(peer)) found.resolve(peer);
  });
  try {
    return await found.promise;
  } finally {
    unwatch();
    clearTimeout(timer);
    signal.removeEventListener('abort', onEnded);
  }
}
