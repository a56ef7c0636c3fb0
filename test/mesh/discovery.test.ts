import test from 'ava';
import type { Mesh } from '../../mesh/index.ts';
import { addressOf, connectedTo, makeIdentity, startTestMesh } from '../helpers/mesh.ts';

/** An address with its port but without the peer id. */
function portOf(address: string): string {
  return address.replace(/\/p2p\/.*$/, '');
}

function disconnection(host: Mesh): Promise<void> {
  return new Promise((resolve) => host.onPeer((_, connected) => !connected && resolve()));
}

test('a static peer is dialled at the start, also when it starts later', async (t) => {
  const identity = makeIdentity();
  const gateway = await startTestMesh(t, { identity });
  const listen = [portOf(addressOf(gateway))];
  await gateway.stop();
  const node = await startTestMesh(t, { peers: listen });
  const late = await startTestMesh(t, { identity, listen });
  await connectedTo(node, late.peerId);
  t.deepEqual(node.peers(), [late.peerId]);
});

test('a static peer that restarts is dialled again', async (t) => {
  const identity = makeIdentity();
  const gateway = await startTestMesh(t, { identity });
  const node = await startTestMesh(t, { peers: gateway.addresses() });
  await connectedTo(node, gateway.peerId);
  const gone = disconnection(node);
  const listen = [portOf(addressOf(gateway))];
  await gateway.stop();
  await gone;
  t.deepEqual(node.peers(), []);
  const again = await startTestMesh(t, { identity, listen });
  await connectedTo(node, again.peerId);
  again.handle('ask', () => Promise.resolve('back'));
  t.is(await node.call(again.peerId, 'ask', {}), 'back');
});

test('a node that restarts on another port is the same peer to its gateway, which can ask it again', async (t) => {
  const identity = makeIdentity();
  const gateway = await startTestMesh(t);
  const node = await startTestMesh(t, { identity, peers: gateway.addresses() });
  await connectedTo(gateway, node.peerId);
  const before = addressOf(node);
  const gone = disconnection(gateway);
  await node.stop();
  await gone;
  const again = await startTestMesh(t, { identity, peers: gateway.addresses() });
  again.handle('ask', () => Promise.resolve('moved'));
  await connectedTo(gateway, again.peerId);
  t.not(addressOf(again), before);
  t.is(await gateway.call(again.peerId, 'ask', {}), 'moved');
});

test('an address where another peer answers now is not taken for the one that was meant', async (t) => {
  const [right, wrong] = await Promise.all([startTestMesh(t), startTestMesh(t)]);
  const node = await startTestMesh(t, {
    peers: [`${portOf(addressOf(wrong))}/p2p/${right.peerId}`, addressOf(right)],
  });
  await connectedTo(node, right.peerId);
  t.deepEqual(node.peers(), [right.peerId]);
});

test('peers that were known in the last run are dialled in the next', async (t) => {
  let kept: string[] = [];
  const saved = Promise.withResolvers<void>();
  const knownPeers = {
    load: () => Promise.resolve([...kept, 'nonsense', '/ip4/127.0.0.1/tcp/1']),
    save: (addresses: string[]) => {
      kept = addresses;
      saved.resolve();
      return Promise.resolve();
    },
  };
  const identity = makeIdentity();
  const other = await startTestMesh(t);
  const first = await startTestMesh(t, { identity, knownPeers });
  await first.dial(addressOf(other));
  await saved.promise;
  t.deepEqual(kept, other.addresses());
  await first.stop();
  const second = await startTestMesh(t, { identity, knownPeers });
  await connectedTo(second, other.peerId);
  t.deepEqual(second.peers(), [other.peerId]);
});

test('a host that known peers cannot be read for starts all the same', async (t) => {
  const knownPeers = { load: () => Promise.reject(new Error('unreadable')), save: () => Promise.resolve() };
  const host = await startTestMesh(t, { knownPeers });
  t.is(host.addresses().length, 1);
});

test('a host with a bound closes connections beyond it, but not the gateway', async (t) => {
  const gateway = await startTestMesh(t);
  const node = await startTestMesh(t, { gateway: gateway.peerId, maxPeers: 1 });
  const others = await Promise.all(Array.from({ length: 7 }, () => startTestMesh(t)));
  const closed = Promise.withResolvers<void>();
  node.onPeer((_, connected) => !connected && node.peers().length <= 6 && closed.resolve());
  await gateway.dial(addressOf(node));
  for (const other of others) await other.dial(addressOf(node)).catch(() => undefined);
  await closed.promise;
  t.true(node.peers().length <= 6);
  t.true(node.peers().includes(gateway.peerId));
});
