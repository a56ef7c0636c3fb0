import { createServer } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { FloormeshError, silentLogger } from '../../core/index.ts';
import { mesh, peerIdOf, publicKeyOf } from '../../mesh/index.ts';
import { memoryBlobStore } from '../../store/index.ts';
import { addressOf, makeIdentity, startTestMesh } from '../helpers/mesh.ts';

test('a peer id and a public key say the same', (t) => {
  const { publicKey } = makeIdentity(new Uint8Array(32).fill(7));
  const peer = peerIdOf(publicKey);
  t.regex(peer, /^12D3KooW/);
  t.is(publicKeyOf(peer), publicKey);
  t.throws(() => peerIdOf('AAAA'), { instanceOf: TypeError });
  t.throws(() => publicKeyOf('12D3KooWnobody'), { instanceOf: TypeError });
});

test('a host speaks with the key that it was given', async (t) => {
  const identity = makeIdentity();
  const [host, other] = await Promise.all([startTestMesh(t, { identity }), startTestMesh(t)]);
  t.is(host.peerId, peerIdOf(identity.publicKey));
  t.is(await other.dial(addressOf(host)), host.peerId);
  t.true(addressOf(host).endsWith(`/p2p/${host.peerId}`));
});

test('two hosts on one port: the second says that the port is in use, and leaves nothing behind', async (t) => {
  const first = await startTestMesh(t);
  const taken = addressOf(first).replace(/\/p2p\/.*$/, '');
  const second = mesh({ site: 'test', listen: [taken], mdns: false })({
    blobs: memoryBlobStore(),
    keyPair: makeIdentity(),
    log: silentLogger,
  });
  const error = await t.throwsAsync(second.start(), { instanceOf: FloormeshError });
  t.is(error.code, 'ERR_PORT_IN_USE');
  await first.stop();
  await second.start();
  t.is(addressOf(second).replace(/\/p2p\/.*$/, ''), taken);
  await second.stop();
});

test('a port that another program has is in use too', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const error = await t.throwsAsync(startTestMesh(t, { listen: [`/ip4/127.0.0.1/tcp/${port}`] }), {
    instanceOf: FloormeshError,
  });
  t.is(error.code, 'ERR_PORT_IN_USE');
  server.close();
});

test('an address of another machine cannot be listened on', async (t) => {
  const error = await t.throwsAsync(startTestMesh(t, { listen: ['/ip4/203.0.113.7/tcp/0'] }), {
    instanceOf: FloormeshError,
  });
  t.is(error.code, 'ERR_LISTEN_FAILED');
});

test('starting and stopping twice is the same as once, and a stopped host starts again', async (t) => {
  const host = await startTestMesh(t);
  await host.start();
  host.handle('ask', () => Promise.resolve('again'));
  await host.stop();
  await host.stop();
  t.deepEqual(host.addresses(), []);
  await host.start();
  const other = await startTestMesh(t);
  await other.dial(addressOf(host));
  t.is(await other.call(host.peerId, 'ask', {}), 'again');
});

test('what is not an address or a peer id is refused when the host is made', (t) => {
  for (const wrong of [{ peers: ['localhost:4001'] }, { listen: ['/ip4/1.2.3.4/udp/1'] }, { gateway: 'me' }])
    t.throws(
      () =>
        mesh({ site: 'test', ...wrong })({
          blobs: memoryBlobStore(),
          keyPair: makeIdentity(),
          log: silentLogger,
        }),
      { instanceOf: TypeError },
    );
});
