import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { digestOf, encode, silentLogger, singleChunk } from '../../core/index.ts';
import { Caps } from '../../mesh/caps/caps.ts';
import { MAX_COMING, MAX_RELAYS, RELAY_BLOCK_BYTES } from '../../mesh/constants.ts';
import type { Mesh, Want } from '../../mesh/index.ts';
import { Arrival } from '../../mesh/swarm/arrival.ts';
import { Arrivals } from '../../mesh/swarm/arrivals.ts';
import { BlobServer } from '../../mesh/swarm/blob-server.ts';
import { parseHaveStatement } from '../../mesh/swarm/have-messages.ts';
import { type BlobStore, memoryBlobStore } from '../../store/index.ts';
import { addressOf, connectedTo, startTestMesh, type TestHostInit } from '../helpers/mesh.ts';
import { tcpProxy } from '../helpers/tcp-proxy.ts';
import { until } from '../helpers/until.ts';

const KiB = 1024;
/** One chunk, whose blob needs no list. */
const SIZE = 256 * KiB;
const TLS = 0x16;

interface Member {
  host: Mesh;
  blobs: BlobStore;
}

async function member(t: ExecutionContext, init: TestHostInit = {}): Promise<Member> {
  const blobs = init.blobs ?? memoryBlobStore();
  return { blobs, host: await startTestMesh(t, { ...init, blobs }) };
}

/** Somebody who has a chunk and sends it slowly. */
async function slowSeed(t: ExecutionContext, bytes: Uint8Array, lies = false): Promise<Member> {
  const blobs = memoryBlobStore();
  await blobs.put(bytes);
  const lying = new Proxy(blobs, {
    get(target, key) {
      if (key === 'readRange')
        return async (...asked: Parameters<BlobStore['readRange']>) => {
          const read = Uint8Array.from(await blobs.readRange(...asked));
          read[read.byteLength - 1] = (read[read.byteLength - 1] ?? 0) ^ 1;
          return read;
        };
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return member(t, { blobs: lies ? lying : blobs, limits: { peer: { send: 200 * KiB } } });
}

async function connect(from: Mesh, to: Mesh): Promise<void> {
  await from.dial(addressOf(to));
  await connectedTo(to, from.peerId);
}

function sent(from: Member, to: Member): number {
  return from.host.swarm.stats().sent[to.host.peerId] ?? 0;
}

interface Line {
  bytes: Buffer;
  want: Want;
  seed: Member;
  owner: Member;
  last: Member;
}

/** A seed, who is connected to an owner, who is connected to somebody else. */
async function line(t: ExecutionContext, lies = false): Promise<Line> {
  const bytes = randomBytes(SIZE);
  const [seed, owner, last] = await Promise.all([slowSeed(t, bytes, lies), member(t), member(t)]);
  await connect(owner.host, seed.host);
  await connect(last.host, owner.host);
  return { bytes, want: { digest: digestOf(bytes), size: SIZE }, seed, owner, last };
}

test('a chunk is passed on while it comes, and no more of it than is verified at the end', async (t) => {
  const { bytes, want, seed, owner, last } = await line(t);
  const fetching = [last, owner].map(({ host }) => host.swarm.fetch(want));
  await until('some of it is passed on', () => sent(owner, last) > 0);
  t.is(owner.host.swarm.stats().received[seed.host.peerId], undefined);
  const [stats] = await Promise.all(fetching);
  t.deepEqual(stats?.byPeer, { [owner.host.peerId]: SIZE });
  t.true(Buffer.from(await last.blobs.read(want.digest, SIZE)).equals(bytes));
});

test('who passes on what turns out to be wrong is not blamed, and gives the right chunk later', async (t) => {
  const { bytes, want, seed, owner, last } = await line(t, true);
  const fetching = [last, owner].map(({ host }) => host.swarm.fetch(want));
  await until('the wrong chunk came', () => owner.host.swarm.stats().received[seed.host.peerId] === SIZE);
  const relayed = sent(owner, last);
  t.true(relayed > 0 && relayed <= SIZE - RELAY_BLOCK_BYTES, `${relayed} bytes were passed on`);
  await connect(owner.host, (await slowSeed(t, bytes)).host);
  const [stats] = await Promise.all(fetching);
  t.deepEqual(stats?.byPeer, { [owner.host.peerId]: SIZE });
  t.true(Buffer.from(await last.blobs.read(want.digest, SIZE)).equals(bytes));
});

test('when the owner dies in the middle of a chunk, it comes from the seed', async (t) => {
  const { bytes, want, seed, owner, last } = await line(t);
  const [fetching, lost] = [last, owner].map(({ host }) => host.swarm.fetch(want));
  lost?.catch(() => {});
  await until('some of it is passed on', () => sent(owner, last) > 0);
  await connect(last.host, seed.host);
  await owner.host.stop();
  t.deepEqual((await fetching)?.byPeer, { [seed.host.peerId]: SIZE });
  t.true(Buffer.from(await last.blobs.read(want.digest, SIZE)).equals(bytes));
});

test('where TLS does not get through, an early request is answered when the chunk is there', async (t) => {
  const bytes = randomBytes(SIZE);
  const [seed, owner, last] = await Promise.all([slowSeed(t, bytes), member(t), member(t)]);
  await connect(owner.host, seed.host);
  const port = Number(/\/tcp\/(\d+)/.exec(addressOf(owner.host))?.[1]);
  const proxy = await tcpProxy(t, port, (first) => first !== TLS);
  await last.host.dial(`/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${owner.host.peerId}`);
  const want = { digest: digestOf(bytes), size: SIZE };
  const fetching = last.host.swarm.fetch(want);
  await owner.host.swarm.fetch(want);
  t.deepEqual((await fetching).byPeer, { [owner.host.peerId]: SIZE });
});

test('a reader that takes nothing holds up neither the chunk nor other readers', async (t) => {
  const bytes = randomBytes(SIZE);
  let over = false;
  const arrival = new Arrival(SIZE, () => (over = true));
  const stuck = Promise.withResolvers<void>();
  const slow = arrival.passOn(() => stuck.promise);
  const got: Uint8Array[] = [];
  const quick = arrival.passOn(async (part) => void got.push(part.slice()));
  const room = Buffer.alloc(SIZE);
  bytes.copy(room);
  arrival.onPart(room, 100_000);
  await until('a part came', () => got.length > 0);
  arrival.onPart(room, SIZE - 1);
  arrival.end(room);
  const unread = arrival.unread();
  t.true(over);
  t.true(await quick);
  t.true(Buffer.concat(got).equals(bytes));
  // The room may be used again only when the slow one has done with it.
  const early = await Promise.race([
    unread.then(() => true),
    new Promise((resolve) => setImmediate(resolve)),
  ]);
  t.is(early, undefined);
  stuck.resolve();
  t.true(await slow);
  await unread;
});

test('what does not come, or not soon, ends the answers that wait for it', async (t) => {
  const [lost, silent] = [new Arrival(SIZE, () => {}), new Arrival(SIZE, () => {})];
  const parts: Uint8Array[] = [];
  const answers = [lost, silent].map((arrival) => arrival.passOn(async (part) => void parts.push(part)));
  lost.onPart(Buffer.alloc(SIZE), SIZE - 1);
  lost.end(undefined);
  t.deepEqual(await Promise.all(answers), [false, false]);
  t.true(parts.every((part) => part.byteLength < SIZE));
  t.false(await lost.passOn(async () => t.fail()));
});

test('so many are passed on at a time, and the next waits for the whole chunk', async (t) => {
  const bytes = randomBytes(SIZE);
  const blobs = memoryBlobStore();
  const arrivals = new Arrivals(() => {});
  const caps = new Caps({}, () => undefined);
  const server = new BlobServer({ blobs, arrivals, caps, log: silentLogger, onSent: () => {} });
  const request = { digest: digestOf(bytes), offset: 0, size: SIZE, early: true };
  const partial = await blobs.partial(request.digest, singleChunk(request.digest, SIZE));
  const arrival = arrivals.expect(0, request);
  t.is(arrivals.expect(0, request), undefined);
  t.deepEqual(arrivals.of(request.digest), [0]);
  const whole: Uint8Array[] = [];
  let parts = 0;
  const answers = Array.from({ length: MAX_RELAYS + 2 }, () =>
    server.answer(
      'peer',
      request,
      async (answer) => void whole.push(answer ?? Buffer.alloc(0)),
      async (part) => void (parts += part?.byteLength ?? 0),
    ),
  );
  await new Promise((resolve) => setImmediate(resolve));
  await partial.write(0, bytes);
  await arrival?.end(bytes);
  await Promise.all(answers);
  t.is(parts, MAX_RELAYS * SIZE);
  t.is(whole.length, 2);
  t.true(whole.every((answer) => Buffer.from(answer).equals(bytes)));
  t.deepEqual(arrivals.of(request.digest), []);
  await partial.close();
});

test('a host is behind while most downloaders wait for chunks that are here, and no longer', async (t) => {
  const bytes = randomBytes(SIZE);
  const blobs = memoryBlobStore();
  const caps = new Caps({}, () => undefined);
  const arrivals = new Arrivals(() => {});
  const server = new BlobServer({ blobs, arrivals, caps, log: silentLogger, onSent: () => {} });
  const request = { digest: digestOf(bytes), offset: 0, size: SIZE };
  const partial = await blobs.partial(request.digest, singleChunk(request.digest, SIZE));
  await partial.write(0, bytes);
  const taken = Promise.withResolvers<void>();
  // One that asks several times, and takes nothing, counts as one.
  const answers = ['a', 'a', 'b'].map((peer) => server.answer(peer, request, () => taken.promise));
  await new Promise((resolve) => setImmediate(resolve));
  t.true(server.isBehind(3));
  t.false(server.isBehind(4));
  taken.resolve();
  await Promise.all(answers);
  t.false(server.isBehind(0));
  await partial.close();
});

test('what is said to come is read where it makes sense, and passed over where it does not', (t) => {
  const added = { digest: digestOf('a blob'), state: 'added', order: 1, added: [1] };
  t.deepEqual(parseHaveStatement(encode({ ...added, coming: [2, 3] })), { ...added, coming: [2, 3] });
  for (const coming of [undefined, 7, ['x'], [-1], Array.from({ length: MAX_COMING + 1 }, () => 1)])
    t.deepEqual(parseHaveStatement(encode({ ...added, coming })), added as never);
});
