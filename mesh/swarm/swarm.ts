import type { Socket } from 'node:net';
import {
  type ChunkList,
  type Digest,
  type EncodedBlob,
  type Logger,
  MAX_BLOB_BYTES,
  MessageTooLargeError,
  type TransferState,
} from '../../core/index.ts';
import { BlobCorruptError, type BlobStore } from '../../store/index.ts';
import { MAX_LIST_ATTEMPTS, MAX_TRANSFERS, NO_SOURCE_TIMEOUT_MS, URGENT_BYTES } from '../constants.ts';
import type { Caps } from '../caps/caps.ts';
import { Bulk } from '../bulk/bulk.ts';
import { NoSourceError } from '../errors.ts';
import type { Host } from '../host/create-host.ts';
import { type Identity, parsePeerId } from '../host/identity.ts';
import { isConnected } from '../host/is-connected.ts';
import { Arrivals } from './arrivals.ts';
import { askWhole } from './ask-whole.ts';
import { BlobLink } from './blob-link.ts';
import { BlobServer } from './blob-server.ts';
import type { RequestChunk } from './chunk-link.ts';
import { ChunkLists } from './chunk-lists.ts';
import { Distrust } from './distrust.ts';
import { bestEncoding, decodeOrDrop } from './encodings.ts';
import { fetchAll } from './fetch-all.ts';
import { fetchEncoding } from './fetch-encoding.ts';
import { findList } from './find-list.ts';
import { HaveServer } from './have-server.ts';
import { HaveWatch } from './have-watch.ts';
import { Links } from './links.ts';
import { listOf } from './list-of.ts';
import { Task } from './task.ts';
import { type SwarmStats, Traffic } from './traffic.ts';
import { Transfer } from './transfer.ts';
import { Turns } from './turns.ts';
import { UrgentLinks } from './urgent-links.ts';
import type { FetchOptions, TransferStats, Want } from './want.ts';

export interface SwarmInit {
  self: string;
  gateway: string | undefined;
}

export interface SwarmComponents {
  blobs: BlobStore;
  caps: Caps;
  keyPair: Identity;
  log: Logger;
  /** Bytes came from that peer. */
  onHeard: (peer: string) => void;
}

export type { SwarmStats };

/** Fetches blobs chunk by chunk from every peer that has some of it, and gives to others what is here already. */
export class Swarm {
  readonly #init: SwarmInit;
  readonly #blobs: BlobStore;
  readonly #caps: Caps;
  readonly #log: Logger;
  readonly #server: BlobServer;
  readonly #haveServer: HaveServer;
  readonly #watch: HaveWatch;
  readonly #lists: ChunkLists;
  readonly #onHeard: (peer: string) => void;
  readonly #bulk: Bulk;
  readonly #links: Links;
  readonly #urgent = new UrgentLinks();
  readonly #tasks = new Map<Digest, { task: Task; work: Promise<void> }>();
  readonly #turns = new Turns(MAX_TRANSFERS);
  readonly #distrust = new Distrust();
  readonly #traffic = new Traffic();
  readonly #arrivals = new Arrivals((digest, index) => this.#haveServer.coming(digest, index));
  #host: Host | undefined;
  #whoHas: (digest: Digest) => string | undefined = () => undefined;
  #endAdded: () => void = () => {};

  constructor(init: SwarmInit, { blobs, caps, keyPair, log, onHeard }: SwarmComponents) {
    this.#init = init;
    this.#blobs = blobs;
    this.#caps = caps;
    this.#log = log;
    this.#onHeard = onHeard;
    const arrivals = this.#arrivals;
    const onSent = (peer: string, bytes: number): void => this.#traffic.sent(peer, bytes);
    this.#server = new BlobServer({ blobs, arrivals, caps, log, onSent });
    this.#bulk = new Bulk({
      identity: keyPair,
      answer: (...asked) => this.#server.answer(...asked),
      onNews: (peer, statement) => this.#watch.told(peer, statement),
      log,
    });
    this.#links = new Links({
      openBulk: (peer, signal) => this.#bulk.open(peer, signal),
      openStream: (peer) => new BlobLink(this.#need(), peer),
      onWay: (peer) => this.#haveServer.wayChanged(peer),
      log,
    });
    this.#haveServer = new HaveServer({
      blobs,
      arrivals,
      tell: (peer, statement) => this.#links.tell(peer, statement),
      log,
    });
    this.#watch = new HaveWatch(log, onHeard);
    this.#lists = new ChunkLists(blobs);
  }

  /** @param whoHas a peer that announced a blob, connected or not */
  async start(host: Host, whoHas: (digest: Digest) => string | undefined): Promise<void> {
    this.#host = host;
    this.#whoHas = whoHas;
    this.#endAdded = this.#blobs.onAdded((digest) => this.#haveServer.changed(digest));
    this.#watch.start(host);
    this.#bulk.start(host);
    await Promise.all([
      this.#server.start(host),
      this.#haveServer.start(host),
      this.#lists.start(host, this.#log),
    ]);
  }

  /** Ends every fetch; what came stays for the next try. */
  async stop(): Promise<void> {
    this.#host = undefined;
    this.#endAdded();
    this.#watch.stop();
    const running = [...this.#tasks.values()];
    for (const { task } of running) task.end(new NoSourceError('the mesh was stopped'));
    await Promise.allSettled(running.map(({ work }) => work));
    this.#urgent.close();
    this.#links.close();
    this.#bulk.stop();
  }

  /** A connection came by the host's port that begins as TLS does. */
  takeTls(socket: Socket): void {
    this.#bulk.take(socket);
  }

  peerChanged(peer: string, connected: boolean): void {
    if (connected) return this.#watch.connected(peer);
    this.#watch.disconnected(peer);
    this.#links.drop(peer);
    this.#urgent.drop(peer);
    this.#bulk.disconnected(peer);
  }

  /** A peer that may not be connected announced a blob: if it is wanted here, this host goes to it. */
  announced(digest: Digest, peer: string): void {
    if (this.#tasks.has(digest)) this.#reach(peer);
  }

  /**
   * Resolves when the blob is complete in the store: at once where it is already. It is fetched once however many ask
   * for it; it goes on where an earlier try stopped; it waits for peers that have it to appear.
   *
   * @throws {NoSourceError} when no new chunk came for `timeoutMs` @throws {BlobCorruptError} when what everybody has
   *   is something else @throws {DiskFullError} @throws {MessageTooLargeError} @throws the signal's reason
   */
  async fetch(want: Want, options: FetchOptions = {}): Promise<TransferStats> {
    options.signal?.throwIfAborted();
    if (this.#host === undefined) throw new TypeError('the mesh is not started');
    if (want.size > MAX_BLOB_BYTES) throw new MessageTooLargeError(`a blob of ${want.size} bytes`);
    if (await this.#blobs.has(want.digest)) return { bytes: 0, byPeer: {} };
    let running = this.#tasks.get(want.digest);
    if (running?.task.signal.aborted === true) {
      await running.work.catch(() => undefined);
      return this.fetch(want, options);
    }
    if (running === undefined) {
      const task = new Task(want);
      const work = this.#run(want, task, options).finally(() => this.#tasks.delete(want.digest));
      work.catch(() => undefined);
      running = { task, work };
      this.#tasks.set(want.digest, running);
    }
    for (const peer of this.#holders(want, options)) {
      this.#reach(peer);
      if (want.size > URGENT_BYTES && isConnected(this.#host, peer)) this.#links.prepare(peer);
    }
    return running.task.join(running.work, options);
  }

  /** Fetches several blobs, a few at a time. The first failure ends all. @throws what `fetch` throws */
  fetchAll(wants: readonly Want[], options: FetchOptions = {}): Promise<TransferStats> {
    return fetchAll((want, each) => this.fetch(want, each), wants, options);
  }

  /** What is on its way here, in the order of asking. */
  transfers(): TransferState[] {
    const now = Date.now();
    return [...this.#tasks.values()].map(({ task }) => task.state(now));
  }

  stats(): SwarmStats {
    return this.#traffic.stats();
  }

  async #run(want: Want, task: Task, options: FetchOptions): Promise<void> {
    const timeoutMs = options.timeoutMs ?? NO_SOURCE_TIMEOUT_MS;
    const asItIs = want.size <= URGENT_BYTES && (want.encodings?.length ?? 0) === 0;
    if (asItIs && (await this.#bringWhole(want, task, options))) return;
    // Asked while the list is on its way: what the first holder says of it, and of who else fetches it, is known then.
    const unexpect = this.#watch.expect(want.digest, this.#holders(want, options));
    try {
      const list = await listOf(want, this.#blobs, (list) =>
        this.fetch(list, { signal: task.signal, from: options.from, timeoutMs: options.timeoutMs }),
      );
      if (list !== undefined) return await this.#bringAnyWay(want, list, task, timeoutMs, true);
    } finally {
      unexpect();
    }
    const tried = new Set<string>();
    for (;;) {
      const found = await findList(
        { want, tried, timeoutMs, signal: task.signal },
        {
          log: this.#log,
          watch: (digest, listener) => this.#watch.watch(digest, listener),
          ask: (peer) => this.#lists.ask(this.#need(), peer, want, task.signal),
        },
      );
      try {
        return await this.#bringAnyWay(want, found, task, timeoutMs, false);
      } catch (error) {
        if (!(error instanceof BlobCorruptError) || tried.size >= MAX_LIST_ATTEMPTS) throw error;
        this.#log.warn({ digest: want.digest, error }, 'a chunk list was wrong, asking another peer');
      }
    }
  }

  /** A small blob of the first peer that should have it. Returns false where that did not give it. */
  async #bringWhole(want: Want, task: Task, options: FetchOptions): Promise<boolean> {
    const peer = this.#holders(want, options).find((holder) => isConnected(this.#host, holder));
    if (peer === undefined) return false;
    this.#caps.receiving(peer, want.size, want.size);
    const bytes = await askWhole(want, peer, task.signal, {
      blobs: this.#blobs,
      request: this.#requestSmall,
    });
    if (bytes === undefined) return false;
    this.#received(peer, bytes, task);
    return true;
  }

  /** Who should have a blob: those that the caller names, and whoever announced it. */
  #holders(want: Want, { from = [] }: FetchOptions): string[] {
    const known = this.#whoHas(want.digest);
    return known === undefined || from.includes(known) ? [...from] : [...from, known];
  }

  /** By a smaller form, where one pays. That is fetched without holding a turn: it needs one itself. */
  async #bringAnyWay(
    want: Want,
    list: ChunkList,
    task: Task,
    timeoutMs: number,
    listIsTrusted: boolean,
  ): Promise<void> {
    const tried = new Set<Digest>();
    for (;;) {
      const encodings = want.encodings?.filter(({ digest }) => !tried.has(digest));
      const some = { ...want, ...(encodings === undefined ? {} : { encodings }) };
      const lacking = await this.#turns.take(() => this.#bring(some, list, task, timeoutMs, listIsTrusted));
      if (lacking === undefined) return;
      const here = await fetchEncoding(
        { encoding: lacking, want, task, timeoutMs },
        {
          blobs: this.#blobs,
          log: this.#log,
          fetch: (smaller, each) => this.fetch(smaller, each),
        },
      );
      if (!here) tried.add(lacking.digest);
    }
  }

  /** Brings the blob, or says which smaller form of it must be here first. */
  async #bring(
    want: Want,
    list: ChunkList,
    task: Task,
    timeoutMs: number,
    listIsTrusted: boolean,
  ): Promise<EncodedBlob | undefined> {
    const { digest } = want;
    task.signal.throwIfAborted();
    const partial = await this.#blobs.partial(digest, list);
    this.#haveServer.changed(digest);
    const small = list.size <= URGENT_BYTES;
    const isOrigin = (peer: string): boolean => peer === this.#init.gateway || task.isOrigin(peer);
    try {
      const encoding = await bestEncoding(want, partial, this.#blobs);
      if (encoding !== undefined && !(await this.#blobs.has(encoding.digest))) return encoding;
      if (encoding !== undefined)
        await decodeOrDrop(encoding, partial, { blobs: this.#blobs, log: this.#log, signal: task.signal });
      const transfer = new Transfer(
        partial,
        {
          self: this.#init.self,
          log: this.#log,
          listIsTrusted,
          isOrigin,
          admit: (peer, bytes) => this.#caps.receiving(peer, bytes, list.size),
          isBehind: (downloaders) => this.#server.isBehind(downloaders),
          prepare: (peer) => {
            if (!small) this.#links.prepare(peer);
          },
          request: (...asked) => (small ? this.#requestSmall(...asked) : this.#request(...asked)),
          onComing: (...asked) => (small ? undefined : this.#arrivals.expect(...asked)),
          settled: (index, request, arrival, bytes) =>
            this.#arrivals.settled(index, request, arrival, () => this.#bulk.release(bytes)),
          release: (bytes) => this.#bulk.release(bytes),
          watch: (wanted, listener) => this.#watch.watch(wanted, listener),
          askAgain: (peer, wanted) => this.#watch.ask(peer, wanted),
          onWrong: (peer) => {
            if (!isOrigin(peer)) this.#hangUp(peer);
          },
          drops: (peer) => !isOrigin(peer) && this.#distrust.drops(peer, Date.now()),
          onChunk: (index, rare) => this.#haveServer.arrived(digest, index, rare),
          onProgress: (progress) => task.progress(progress),
          onReceived: (peer, bytes) => this.#received(peer, bytes, task),
        },
        timeoutMs,
      );
      task.follow(transfer);
      await transfer.run(task.signal);
      await partial.commit();
      return undefined;
    } finally {
      this.#arrivals.forget(digest);
      await partial.close();
      this.#haveServer.changed(digest);
    }
  }

  #received(peer: string, bytes: number, task: Task): void {
    this.#onHeard(peer);
    task.received(peer, bytes);
    this.#traffic.received(peer, bytes);
  }

  #requestSmall: RequestChunk = (peer, request, signal) =>
    this.#urgent.request(this.#need(), peer, request, signal);

  #request: RequestChunk = (peer, request, ...how) => {
    const pace = this.#caps.receiveRate(peer);
    return this.#links.request(peer, pace === undefined ? request : { ...request, pace }, ...how);
  };

  /** What a peer is still to send is dropped with its stream: it gave a wrong chunk. */
  #hangUp(peer: string): void {
    this.#distrust.wrong(peer, Date.now());
    this.#links.hangUp(peer);
  }

  /** Connects to a peer whose address is known, if it is not connected. It tells what it has when it is. */
  #reach(peer: string): void {
    const id = parsePeerId(peer);
    if (this.#host === undefined || id === undefined || peer === this.#init.self) return;
    this.#host.libp2p
      .dial(id)
      .catch((error: unknown) => this.#log.debug({ peer, error }, 'cannot go to a peer'));
  }

  #need(): Host {
    if (this.#host === undefined) throw new NoSourceError('the mesh was stopped');
    return this.#host;
  }
}
