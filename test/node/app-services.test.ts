import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { decode, decodeSamples, float32, silentLogger } from '../../core/index.ts';
import { type Captured, type RunningApp, startApp } from '../../inference/index.ts';
import { sampleOf, samplesOf } from '../../gateway/node-samples.ts';
import type { RosterNode } from '../../gateway/roster/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import { answerRequests, type RequestTargets } from '../../node/agent/requests.ts';
import { appState, meshForApp, SampleStore } from '../../node/app-services/index.ts';
import type { NewEvent } from '../../node/events/site-event.ts';
import { MeshEvents } from '../../node/mesh-events/index.ts';
import { openState } from '../../store/index.ts';
import { addressOf, connectedTo, startTestMesh } from '../helpers/mesh.ts';
import { packageTree } from '../helpers/package-tree.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

test('an app’s state is there after a restart, and no other deployment sees it', async (t) => {
  const dir = await temporaryFolder(t);
  const first = await openState(dir);
  await appState(first, 'labels').set('count', '7');
  await appState(first, 'labels').set('gone', '1');
  await appState(first, 'labels').delete('gone');
  await appState(first, 'labels-2').set('count', '8');
  await first.close();
  const second = await openState(dir);
  t.teardown(() => second.close());
  const state = appState(second, 'labels');
  t.is(await state.get('count'), '7');
  t.is(await state.get('gone'), undefined);
  t.deepEqual(await state.keys(), ['count']);
});

test('an app’s state has a bound, also for what is set at once, and a full one can be emptied', async (t) => {
  const state = await openState(await temporaryFolder(t));
  t.teardown(() => state.close());
  const own = appState(state, 'labels');
  const value = 'x'.repeat(60_000);
  const all = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => own.set(`key-${i}`, value)));
  t.is(all.filter(({ status }) => status === 'fulfilled').length, 17);
  await t.throwsAsync(own.set('more', value), { code: 'ERR_STATE_FULL', message: /17 keys/ });
  await own.set('key-3', 'smaller');
  await own.set('more', value);
  await own.delete('key-4');
  t.is((await own.keys()).length, 17);
});

const sample = (value: number, size = 10): Captured => ({
  eventId: `event-${value}`,
  why: 'near the threshold',
  sample: {
    model: 'impulse',
    inputs: { x: float32(new Float32Array(size).fill(value), [size]) },
    expected: 1,
  },
});

test('samples are sample sets on the disk, found again after a restart, the oldest giving way', async (t) => {
  const dir = await temporaryFolder(t);
  const events: NewEvent[] = [];
  const open = async (keepBytes: number, forward = false): Promise<SampleStore> => {
    const store = new SampleStore(
      { dir, node: 'press-1', keepBytes, forward },
      { addEvent: async (event) => events.push(event), clock: () => 5 },
    );
    await store.open();
    return store;
  };
  const first = await open(10_000);
  for (const value of [1, 2, 3]) await first.keep('labels', sample(value, 1000));
  t.like(first.counts(), { kept: 2, dropped: 1 });
  t.is(events.length, 3);
  t.like(events[0], {
    type: 'sample',
    deployment: 'labels',
    subject: 'event-1',
    message: 'near the threshold',
  });
  t.is(events[0]?.attachment, undefined);

  const [file = ''] = (await readdir(join(dir, 'labels'))).sort();
  const bytes = await readFile(join(dir, 'labels', file));
  const { samples } = decodeSamples(bytes);
  t.is(samples[0]?.expected, 1);
  t.is(samples[0]?.inputs['x']?.data[0], 2);
  t.like((decode(bytes, 1e6) as { captured: object }).captured, { node: 'press-1', event: 'event-2', at: 5 });

  await writeFile(join(dir, 'labels', '.half-written.cbor.tmp'), 'x');
  const second = await open(10_000, true);
  t.like(second.counts(), { kept: 2 });
  await second.keep('other', {
    eventId: 'event-4',
    why: 'a raw one',
    sample: { contentType: 'image/png', data: new Uint8Array(2000) },
  });
  t.like(second.counts(), { kept: 2, dropped: 1 });
  t.is(events.at(-1)?.attachment?.contentType, 'application/vnd.floormesh.samples.v1+cbor');
  t.deepEqual(
    await readdir(join(dir, 'labels')).then((names) => names.filter((name) => !name.startsWith('.')).length),
    1,
  );
  await second.keep('other', sample(5, 10_000));
  t.like(events.at(-1), { details: { kept: false } });
  t.like((await open(100)).counts(), { kept: 0, bytes: 0 });
});

test('samples that come faster than an app may keep them are left out and counted', async (t) => {
  const events: NewEvent[] = [];
  const store = new SampleStore(
    { dir: await temporaryFolder(t), node: 'press-1', keepBytes: 1e6, forward: false, perSecond: 0.001 },
    { addEvent: async (event) => events.push(event), clock: () => 5 },
  );
  await store.open();
  await Promise.all(Array.from({ length: 70 }, (_, i) => store.keep('labels', sample(i))));
  t.like(store.counts(), { kept: 60, dropped: 0, limited: 10 });
  t.is(events.length, 60);
  // Another deployment has a rate of its own.
  await store.keep('other', sample(1));
  t.like(store.counts(), { kept: 61, limited: 10 });
});

test('samples of any size are fetched from a node over the mesh, by its gateway only', async (t) => {
  const [node, gateway, stranger] = await Promise.all([1, 2, 3].map(() => startTestMesh(t)));
  if (node === undefined || gateway === undefined || stranger === undefined) throw new TypeError('no hosts');
  const store = new SampleStore(
    { dir: await temporaryFolder(t), node: 'press-1', keepBytes: 1e8, forward: false },
    { addEvent: async () => undefined, clock: () => 5 },
  );
  await store.open();
  await store.keep('labels', sample(1));
  await store.keep('labels', sample(2, 800_000));
  await store.keep('other', sample(3));
  const targets = { samples: store } as unknown as RequestTargets;
  t.teardown(answerRequests(node, gateway.peerId, targets));
  for (const host of [gateway, stranger]) await host.dial(addressOf(node));
  const roster = { id: node.peerId } as RosterNode;

  const all = await samplesOf(gateway, roster, undefined, {});
  t.deepEqual(
    all.map(({ deployment }) => deployment),
    ['other', 'labels', 'labels'],
  );
  const labels = await samplesOf(gateway, roster, 'labels', {});
  const [large] = labels;
  t.true((large?.bytes ?? 0) > 3_000_000);
  const bytes = await sampleOf(gateway, roster, large ?? { deployment: '', name: '' }, {});
  t.is(bytes.byteLength, large?.bytes ?? 0);
  const data = decodeSamples(bytes).samples[0]?.inputs['x']?.data;
  t.is(data?.length ?? 0, 800_000);
  t.true(data?.every((value) => value === 2));
  for (const name of ['../other/000000000000003.cbor', 'none.cbor'])
    await t.throwsAsync(sampleOf(gateway, roster, { deployment: 'labels', name }, {}), {
      code: 'ERR_SAMPLE_GONE',
    });
  await t.throwsAsync(samplesOf(stranger, roster, undefined, {}), { code: 'ERR_NOT_AUTHORISED' });
});

test('samples whose names lead out of a folder are not taken from a node', async (t) => {
  const [node, gateway] = await Promise.all([startTestMesh(t), startTestMesh(t)]);
  const fine = { deployment: 'labels', name: '1.cbor', bytes: 1 };
  let told: object = fine;
  node.handle('samples', async () => ({ samples: [told] }));
  await gateway.dial(addressOf(node));
  const roster = { id: node.peerId } as RosterNode;
  t.deepEqual(await samplesOf(gateway, roster, undefined, {}), [fine]);
  for (const lie of [{ deployment: '..' }, { deployment: 'a/b' }, { name: '..' }, { name: '.ssh' }]) {
    told = { ...fine, ...lie };
    await t.throwsAsync(samplesOf(gateway, roster, undefined, {}), { code: 'ERR_INVALID_INPUT' });
  }
});

interface Side {
  host: Mesh;
  app: RunningApp;
  order: (order: Record<string, unknown>) => Promise<unknown>;
}

async function side(t: ExecutionContext, node: string): Promise<Side> {
  const host = await startTestMesh(t);
  const meshEvents = new MeshEvents({ node }, { mesh: host, log: silentLogger });
  meshEvents.start();
  t.teardown(() => meshEvents.stop());
  const tree = await packageTree({ app: 'talker' });
  t.teardown(tree.remove);
  const app = await startApp({
    dir: tree.dir,
    config: { ...tree.config, settings: { listens: true } },
    node,
    services: { mesh: meshForApp('ears', { meshEvents, clock: Date.now }) },
    log: silentLogger,
    onAction: async () => undefined,
  });
  t.teardown(() => app.stop());
  const order: Side['order'] = (value) => {
    const data = new TextEncoder().encode(JSON.stringify(value));
    return app.handle({ id: 'order', kind: 'message', source: 'test', name: 'order', at: 0, data });
  };
  return { host, app, order };
}

test('an app tells the same app on another node something, over a real mesh', async (t) => {
  const [a, b] = await Promise.all([side(t, 'press-1'), side(t, 'press-2')]);
  await a.host.dial(addressOf(b.host));
  await connectedTo(b.host, a.host.peerId);
  const heard = async (): Promise<{ node: string; value: unknown }[]> =>
    (await b.order({ do: 'heard' })) as { node: string; value: unknown }[];
  // Who listens is known to a neighbour some moments after connecting only.
  await until('the other node’s app heard', async () => {
    await a.order({ do: 'publish', key: 'news', value: { peak: 0.5 } });
    return (await heard()).length > 0;
  });
  t.like((await heard())[0], { node: 'press-1', value: { peak: 0.5 } });
  await t.throwsAsync(a.order({ do: 'publish', key: 'no topic', value: 1 }), {
    code: 'ERR_MESH_EVENT_REFUSED',
  });
});
