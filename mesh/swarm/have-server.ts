import type { Connection, Stream } from '@libp2p/interface';
import { type Digest, encode, type Logger } from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import {
  CROWD_BATCH_MS,
  HAVE_BATCH_MS,
  HAVE_BURST_MS,
  HAVE_REST_MS,
  MAX_COMING,
  MAX_CROWD,
  MAX_HAVE_BYTES,
  MAX_LINK_STREAMS,
  MAX_WATCHES,
  RPC_TIMEOUT_MS,
} from '../constants.ts';
import type { Host } from '../host/create-host.ts';
import { type Frames, frames } from '../rpc/frames.ts';
import { protocolOf } from '../rpc/protocol.ts';
import type { Arrivals } from './arrivals.ts';
import { packBitmap, packCrowd, parseHaveRequest, type State } from './have-messages.ts';
import { listId } from './list-id.ts';
import { peerHash } from './ownership.ts';

/** What is still to be told of one digest: everything, or the chunks that came, or began to come, since. */
type News = 'all' | { added: number[]; coming: number[] };

/** One peer that watches. */
class Watcher {
  readonly peer: string;
  readonly watched = new Set<Digest>();
  readonly #news = new Map<Digest, News>();
  readonly #send: (digest: Digest, news: News) => Promise<void>;
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;
  /** When it is told next, and when it may be told of a few chunks again. */
  #flushAt = Infinity;
  #restUntil = 0;

  constructor(peer: string, send: (digest: Digest, news: News) => Promise<void>) {
    this.peer = peer;
    this.#send = send;
  }

  watch(digest: Digest): void {
    this.watched.add(digest);
    this.tell(digest, 'all', 0);
  }

  unwatch(digest: Digest): void {
    this.watched.delete(digest);
    this.#news.delete(digest);
  }

  /**
   * Tells of it after so long, or a little later where it was told several times just now: where chunks come quickly, one
   * message is for several of them.
   */
  tell(digest: Digest, index: number | 'all', delayMs: number, what: 'added' | 'coming' = 'added'): void {
    if (!this.watched.has(digest)) return;
    const news = this.#news.get(digest);
    if (index === 'all') this.#news.set(digest, 'all');
    else if (news === undefined) this.#news.set(digest, { added: [], coming: [], [what]: [index] });
    else if (news !== 'all') news[what].push(index);
    const soonest = index === 'all' ? 0 : this.#restUntil;
    const at = Math.max(performance.now() + delayMs, soonest);
    if (at >= this.#flushAt) return;
    this.#flushAt = at;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#flushing || this.#flushAt === Infinity) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => void this.#flush(),
      Math.max(0, this.#flushAt - performance.now()),
    ).unref();
  }

  /** What comes while the peer takes this goes into the next message. */
  async #flush(): Promise<void> {
    this.#flushing = true;
    this.#flushAt = Infinity;
    this.#restUntil = Math.max(this.#restUntil, performance.now() - HAVE_BURST_MS) + HAVE_REST_MS;
    const all = [...this.#news];
    this.#news.clear();
    for (const [digest, news] of all) if (this.watched.has(digest)) await this.#send(digest, news);
    this.#flushing = false;
    this.#schedule();
  }
}

export interface HaveServerComponents {
  blobs: BlobStore;
  arrivals: Arrivals;
  /** Passes a statement on by a quicker way than the stream, or returns undefined where there is none to that peer. */
  tell: (peer: string, statement: Uint8Array) => Promise<void> | undefined;
  log: Logger;
}

/** Tells peers what this host has of the blobs that they watch, and what comes to it, as it comes. */
export class HaveServer {
  readonly #blobs: BlobStore;
  readonly #arrivals: Arrivals;
  readonly #tell: HaveServerComponents['tell'];
  /** Statements made so far, to whomever: a peer that comes by a new stream must not take those of its old one for newer. */
  #order = 0;
  readonly #log: Logger;
  readonly #watchers = new Set<Watcher>();
  /** Blobs of which other peers are told soon that somebody began or ended to fetch them. */
  readonly #crowds = new Map<Digest, NodeJS.Timeout>();

  constructor({ blobs, arrivals, tell, log }: HaveServerComponents) {
    this.#blobs = blobs;
    this.#arrivals = arrivals;
    this.#tell = tell;
    this.#log = log;
  }

  /** Answers until the host stops. */
  async start(host: Host): Promise<void> {
    await host.libp2p.handle(protocolOf('have'), (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: MAX_LINK_STREAMS,
      maxOutboundStreams: MAX_LINK_STREAMS,
    });
  }

  /** Everything may be different: a blob was begun, completed or given up. */
  changed(digest: Digest): void {
    for (const watcher of this.#watchers) watcher.tell(digest, 'all', 0);
  }

  /** A chunk came. @param rare whether others may have nobody else to get it from */
  arrived(digest: Digest, index: number, rare: boolean): void {
    const delayMs = rare ? HAVE_BATCH_MS.soon : HAVE_BATCH_MS.later;
    for (const watcher of this.#watchers) watcher.tell(digest, index, delayMs);
  }

  /** A chunk is on its way from a peer that has all: others may ask for it already. */
  coming(digest: Digest, index: number): void {
    for (const watcher of this.#watchers) watcher.tell(digest, index, 0, 'coming');
  }

  /** A peer is told by another way from now on: everything again, for what was on the old way may be lost. */
  wayChanged(peer: string): void {
    for (const watcher of this.#watchers)
      if (watcher.peer === peer) for (const digest of watcher.watched) watcher.tell(digest, 'all', 0);
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const messages = frames(stream, MAX_HAVE_BYTES);
    const closed = new AbortController();
    stream.addEventListener('close', () => closed.abort(), { once: true });
    const peer = connection.remotePeer.toString();
    const watcher = new Watcher(peer, (digest, news) =>
      this.#send(messages, peer, digest, news).catch((error: unknown) => {
        stream.abort(error instanceof Error ? error : new Error('cannot be told'));
      }),
    );
    this.#watchers.add(watcher);
    try {
      for (;;) {
        const request = parseHaveRequest(await messages.read({ signal: closed.signal }));
        if ('unwatch' in request) {
          watcher.unwatch(request.unwatch);
          this.#crowdChanged(request.unwatch);
        } else if (watcher.watched.size < MAX_WATCHES) {
          const first = !watcher.watched.has(request.watch);
          watcher.watch(request.watch);
          if (first) this.#crowdChanged(request.watch);
        }
      }
    } catch (error) {
      this.#log.debug({ peer, error }, 'a watcher went away');
      stream.abort(error instanceof Error ? error : new Error('watching ended'));
    } finally {
      this.#watchers.delete(watcher);
      for (const digest of watcher.watched) this.#crowdChanged(digest);
    }
  }

  /** Who fetches a blob of this host has to know who else does: they divide it among themselves. */
  #crowdChanged(digest: Digest): void {
    if (this.#crowds.has(digest) || this.#blobs.openPartial(digest) !== undefined) return;
    const timer = setTimeout(() => {
      this.#crowds.delete(digest);
      this.#blobs.has(digest).then(
        (complete) => {
          if (complete) this.changed(digest);
        },
        (error: unknown) => this.#log.debug({ digest, error }, 'cannot tell who fetches a blob'),
      );
    }, CROWD_BATCH_MS).unref();
    this.#crowds.set(digest, timer);
  }

  async #send(messages: Frames, peer: string, digest: Digest, news: News): Promise<void> {
    const order = this.#order++;
    const state: State =
      news === 'all'
        ? await this.#state(digest, peer)
        : { digest, state: 'added', added: news.added, coming: news.coming.slice(-MAX_COMING) };
    const statement = encode({ ...state, order });
    const told = this.#tell(peer, statement);
    // A link that breaks is another way, and then everything is told again.
    if (told !== undefined) await told.catch(() => undefined);
    else await messages.write(statement, { signal: AbortSignal.timeout(RPC_TIMEOUT_MS) });
  }

  async #state(digest: Digest, peer: string): Promise<State> {
    if (await this.#blobs.has(digest)) {
      const others = [...this.#watchers].filter((other) => other.peer !== peer && other.watched.has(digest));
      const crowd = packCrowd(others.slice(0, MAX_CROWD).map((other) => peerHash(other.peer)));
      return { digest, state: 'complete', size: await this.#blobs.size(digest), crowd };
    }
    const partial = this.#blobs.openPartial(digest);
    if (partial === undefined) return { digest, state: 'none' };
    const count = partial.list.chunks.length;
    const bitmap = packBitmap(count, (index) => partial.has(index));
    const coming = this.#arrivals.of(digest).slice(0, MAX_COMING);
    return { digest, state: 'partial', list: listId(partial.list), count, bitmap, coming };
  }
}
