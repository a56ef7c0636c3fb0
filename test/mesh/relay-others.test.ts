import { randomBytes } from 'node:crypto';
import { multiaddr } from '@multiformats/multiaddr';
import test, { type ExecutionContext } from 'ava';
import { decode, digestOf, encode } from '../../core/index.ts';
import { MAX_HAVE_BYTES } from '../../mesh/constants.ts';
import { createHost, type Host, startHost } from '../../mesh/host/create-host.ts';
import type { Mesh } from '../../mesh/index.ts';
import { openStream } from '../../mesh/rpc/call.ts';
import { type Frames, frames } from '../../mesh/rpc/frames.ts';
import { MAX_ANSWER_BYTES } from '../../mesh/swarm/blob-messages.ts';
import { memoryBlobStore } from '../../store/index.ts';
import { addressOf, connectedTo, makeIdentity, startTestMesh } from '../helpers/mesh.ts';
import { until } from '../helpers/until.ts';

const KiB = 1024;
/** One chunk, whose blob needs no list. */
const SIZE = 256 * KiB;
const signal = AbortSignal.timeout(60_000);

async function connect(from: Mesh, to: Mesh): Promise<void> {
  await from.dial(addressOf(to));
  await connectedTo(to, from.peerId);
}

/** Somebody who has some bytes and sends them in a bit more than a second. */
async function slowSeed(t: ExecutionContext, bytes: Uint8Array): Promise<Mesh> {
  const blobs = memoryBlobStore();
  await blobs.put(bytes);
  return startTestMesh(t, { blobs, limits: { peer: { send: 200 * KiB } } });
}

test('a cap holds for what is passed on while it comes: to several peers together, and nobody stalls', async (t) => {
  const bytes = randomBytes(SIZE);
  const want = { digest: digestOf(bytes), size: SIZE };
  const send = 160 * KiB;
  const last = [memoryBlobStore(), memoryBlobStore()];
  const seed = await slowSeed(t, bytes);
  const owner = await startTestMesh(t, { limits: { lan: { send } } });
  const others = await Promise.all(last.map((blobs) => startTestMesh(t, { blobs })));
  await connect(owner, seed);
  for (const other of others) await connect(other, owner);
  const sent = (): number[] => others.map(({ peerId }) => owner.swarm.stats().sent[peerId] ?? 0);
  const fetching = others.map((other) => other.swarm.fetch(want));
  const own = owner.swarm.fetch(want);
  await until('both get some of it while it comes', () => sent().every((count) => count > 0));
  t.is(owner.swarm.stats().received[seed.peerId], undefined);
  const [before, began] = [sent().reduce((sum, count) => sum + count), performance.now()];
  await own;
  for (const { byPeer } of await Promise.all(fetching)) t.deepEqual(byPeer, { [owner.peerId]: SIZE });
  const seconds = (performance.now() - began) / 1000;
  for (const blobs of last) t.true(Buffer.from(await blobs.read(want.digest, SIZE)).equals(bytes));
  // A part is counted when all of it has left: two of 64 KiB may be under way at the start. A busy machine is slower only.
  const rate = (2 * SIZE - before - 2 * 64 * KiB) / seconds;
  t.log(`${(rate / send).toFixed(2)} times the cap`);
  t.true(rate <= send * 1.05);
});

/** A peer of before chunks were passed on: it neither says what comes to it nor asks early, and knows no TLS. */
async function oldPeer(t: ExecutionContext): Promise<Host> {
  const identity = makeIdentity();
  const listen = ['/ip4/127.0.0.1/tcp/0'];
  const options = { site: 'test', gossip: false, mdns: false, onFound: () => {} };
  const host = await createHost({ ...options, listen, identity });
  t.teardown(() => host.libp2p.stop());
  return host;
}

async function open(host: Host, peer: string, name: string, most: number): Promise<Frames> {
  return frames(await openStream(host, peer, `/floormesh/${name}/1.0.0`, signal), most);
}

test('a peer of the earlier protocol gets a chunk from a host that tells of what comes', async (t) => {
  const bytes = randomBytes(SIZE);
  const digest = digestOf(bytes);
  const [seed, owner, old] = await Promise.all([slowSeed(t, bytes), startTestMesh(t), oldPeer(t)]);
  await connect(owner, seed);
  await startHost(old, []);
  await old.libp2p.dial(multiaddr(addressOf(owner)));
  const have = await open(old, owner.peerId, 'have', MAX_HAVE_BYTES);
  await have.write(encode({ watch: digest }), { signal });
  const fetching = owner.swarm.fetch({ digest, size: SIZE });
  const said: Record<string, unknown>[] = [];
  const hasIt = ({ state, added, bitmap }: Record<string, unknown>): boolean =>
    state === 'complete' ||
    (Array.isArray(added) && added.includes(0)) ||
    (bitmap instanceof Uint8Array && bitmap[0] === 1);
  while (!said.some(hasIt))
    said.push(decode(await have.read({ signal }), MAX_HAVE_BYTES) as Record<string, unknown>);
  t.true(said.some(({ coming }) => Array.isArray(coming) && coming.includes(0)));
  const blob = await open(old, owner.peerId, 'blob', MAX_ANSWER_BYTES);
  await blob.write(encode({ digest, offset: 0, size: SIZE }), { signal });
  const answer = await blob.read({ signal });
  t.is(answer[0], 0);
  t.true(Buffer.from(answer.subarray(1)).equals(bytes));
  await fetching;
});

test('a host gets a chunk from a peer of the earlier protocol, though that understands no TLS', async (t) => {
  const bytes = randomBytes(SIZE);
  const digest = digestOf(bytes);
  const old = await oldPeer(t);
  const asked: unknown[] = [];
  await old.libp2p.handle('/floormesh/have/1.0.0', async (stream) => {
    const messages = frames(stream, MAX_HAVE_BYTES);
    for (;;) {
      const request = decode(await messages.read({ signal }), MAX_HAVE_BYTES);
      if (typeof request === 'object' && request !== null && 'watch' in request)
        await messages.write(encode({ digest: request.watch, state: 'complete', order: 0, size: SIZE }), {
          signal,
        });
    }
  });
  await old.libp2p.handle('/floormesh/blob/1.0.0', async (stream) => {
    const messages = frames(stream, MAX_ANSWER_BYTES);
    for (;;) {
      asked.push(decode(await messages.read({ signal }), MAX_ANSWER_BYTES));
      await messages.write([Uint8Array.of(0), bytes], { signal });
    }
  });
  await startHost(old, []);
  const blobs = memoryBlobStore();
  const host = await startTestMesh(t, { blobs });
  const [address] = old.libp2p.getMultiaddrs();
  await host.dial(String(address));
  const { byPeer } = await host.swarm.fetch({ digest, size: SIZE });
  t.deepEqual(byPeer, { [old.libp2p.peerId.toString()]: SIZE });
  t.true(Buffer.from(await blobs.read(digest, SIZE)).equals(bytes));
  t.deepEqual(asked, [{ digest, offset: 0, size: SIZE }]);
});
