import test, { type ExecutionContext } from 'ava';
import { FloormeshError, MAX_FACT_BYTES } from '../../core/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import { addressOf, connectedTo, startTestMesh } from '../helpers/mesh.ts';

interface Heard {
  value: unknown;
  from: string;
}

/** What a host hears on a topic, one by one. */
function listenTo(host: Mesh, topic: string): { next(): Promise<Heard> } {
  const heard: Heard[] = [];
  let wake = Promise.withResolvers<void>();
  host.subscribe(topic, (value, { from }) => {
    heard.push({ value, from });
    wake.resolve();
  });
  return {
    async next() {
      while (heard.length === 0) {
        await wake.promise;
        wake = Promise.withResolvers();
      }
      return heard.shift() as Heard;
    },
  };
}

/** Hosts in a row: each is connected to the one before only. */
async function row(t: ExecutionContext, count: number): Promise<Mesh[]> {
  const hosts = await Promise.all(Array.from({ length: count }, () => startTestMesh(t)));
  for (const [i, host] of hosts.entries()) {
    const before = hosts[i - 1];
    if (before === undefined) continue;
    await host.dial(addressOf(before));
    await connectedTo(before, host.peerId);
  }
  return hosts;
}

/** Publishes until the other host has heard: who is subscribed is known only some moments after connecting. */
async function publishUntilHeard(
  from: Mesh,
  topic: string,
  value: unknown,
  heard: Promise<Heard>,
): Promise<Heard> {
  let done = false;
  void heard.then(() => (done = true));
  for (let i = 0; !done; i += 1) {
    await from.publish(topic, value);
    await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  return heard;
}

test('a fact passes along a row of four hosts with the name of the one that published it', async (t) => {
  const hosts = await row(t, 4);
  const [first, , , last] = hosts as [Mesh, Mesh, Mesh, Mesh];
  const heard = hosts.slice(1).map((host) => listenTo(host, 'facts'));
  const value = { kind: 'test', bytes: Buffer.of(7) };
  const atLast = publishUntilHeard(first, 'facts', value, (heard[2] as { next(): Promise<Heard> }).next());
  t.deepEqual(await atLast, { value, from: first.peerId });
  t.deepEqual(await heard[0]?.next(), { value, from: first.peerId });
  t.deepEqual(await heard[1]?.next(), { value, from: first.peerId });
  t.is(last.peers().length, 1);
});

test('a fact that is too large is refused before it is sent', async (t) => {
  const host = await startTestMesh(t);
  const error = await t.throwsAsync(host.publish('facts', new Uint8Array(MAX_FACT_BYTES)), {
    instanceOf: FloormeshError,
  });
  t.is(error.code, 'ERR_MESSAGE_TOO_LARGE');
});

test('a listener that throws does not keep others from hearing', async (t) => {
  const [first, second] = (await row(t, 2)) as [Mesh, Mesh];
  second.subscribe('facts', () => {
    throw new Error('not my day');
  });
  const heard = listenTo(second, 'facts');
  t.is((await publishUntilHeard(first, 'facts', 1, heard.next())).value, 1);
});

test('facts of another site are not heard, and topics are apart', async (t) => {
  const [first, second, elsewhere] = await Promise.all([
    startTestMesh(t),
    startTestMesh(t),
    startTestMesh(t, { site: 'elsewhere' }),
  ]);
  await Promise.all([second.dial(addressOf(first)), elsewhere.dial(addressOf(first))]);
  const strayed: unknown[] = [];
  elsewhere.subscribe('facts', (value) => strayed.push(value));
  second.subscribe('other', (value) => strayed.push(value));
  const heard = listenTo(second, 'facts');
  t.is((await publishUntilHeard(first, 'facts', 'here', heard.next())).value, 'here');
  t.deepEqual(strayed, []);
});

test('a host without gossip answers requests and publishes nothing', async (t) => {
  const [quiet, other] = await Promise.all([startTestMesh(t, { gossip: false }), startTestMesh(t)]);
  quiet.handle('ask', () => Promise.resolve('yes'));
  await other.dial(addressOf(quiet));
  t.is(await other.call(quiet.peerId, 'ask', {}), 'yes');
  await t.throwsAsync(quiet.publish('facts', 1), { instanceOf: TypeError });
});
