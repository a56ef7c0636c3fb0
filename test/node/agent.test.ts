import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  ANNOTATION,
  decode,
  digestOf,
  encodeSamples,
  fingerprintOf,
  float32,
  type Install,
  type InstallState,
  type Logger,
  MEDIA,
  type ModelCard,
  PACKAGE_PATH,
  parseConfigurationAnswer,
  parseTrialResult,
  silentLogger,
  type SiteEvent,
  type TrialRequest,
} from '../../core/index.ts';
import { encodeGolden, type OpenedModel } from '../../inference/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import { type FloormeshNode, node, type NodeInit } from '../../node/index.ts';
import { type BlobStore, DiskFullError, listTrees, openBlobStore, openState } from '../../store/index.ts';
import { generateKeyPair, type KeyPair, signOffer, signRemoval, verifyTrial } from '../../trust/index.ts';
import { addressOf, connectedTo, startTestMesh } from '../helpers/mesh.ts';
import { DIRECTION_CARD } from '../helpers/package-tree.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import {
  makeOffer,
  type PackageChanges,
  publishModel,
  publishParts,
  type SentAssignments,
  startTestGateway,
  type TestGateway,
  type TestParts,
} from '../helpers/test-site.ts';
import { until } from '../helpers/until.ts';

interface NodeBench {
  node: FloormeshNode;
  mesh: Mesh;
  inbox: string;
  stop: () => Promise<void>;
}

interface NodeHome {
  dir: string;
  keyPair: KeyPair;
}

async function newHome(t: ExecutionContext): Promise<NodeHome> {
  return { dir: await temporaryFolder(t), keyPair: generateKeyPair() };
}

/** A node over a real store, state and mesh. Without an address it is alone. */
async function startNode(
  t: ExecutionContext,
  home: NodeHome,
  gateway: TestGateway,
  options: {
    connect: boolean;
    init?: Partial<NodeInit>;
    log?: Logger;
    store?: (blobs: BlobStore) => BlobStore;
  } = { connect: true },
): Promise<NodeBench> {
  const { dir, keyPair } = home;
  const inbox = join(dir, 'inbox');
  await mkdir(inbox, { recursive: true });
  const opened = await openBlobStore(join(dir, 'store'));
  const blobs = options.store?.(opened) ?? opened;
  const state = await openState(join(dir, 'state'));
  const peers = options.connect ? [addressOf(gateway.mesh)] : [];
  const mesh = await startTestMesh(t, { blobs, identity: keyPair, gateway: gateway.mesh.peerId, peers });
  const started = node({
    name: 'press-1',
    dir,
    gateway: gateway.mesh.peerId,
    publishers: [gateway.publisher.publicKey],
    sandbox: { ownPublishers: [gateway.publisher.publicKey] },
    memoryMiB: 1024,
    sources: [{ name: 'inbox', type: 'folder', path: inbox, event: 'message' }],
    ...options.init,
  })({ mesh, blobs, state, keyPair, log: options.log ?? silentLogger });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= started
      .stop()
      .then(() => mesh.stop())
      .then(() => state.close());
    return stopped;
  };
  t.teardown(stop);
  await started.start();
  if (options.connect) await connectedTo(mesh, gateway.mesh.peerId);
  return { node: started, mesh, inbox, stop };
}

const assign = (gateway: TestGateway, to: NodeBench, assignments: SentAssignments): Promise<unknown> =>
  gateway.mesh.call(to.mesh.peerId, 'assign', assignments);

const states = (gateway: TestGateway, revision: number): InstallState[] =>
  gateway.receipts.filter((receipt) => receipt.revision === revision).map(({ state }) => state);

async function untilReceipt(gateway: TestGateway, revision: number, state: InstallState): Promise<void> {
  await until(`revision ${revision} is ${state}`, () => states(gateway, revision).includes(state));
}

test.serial(
  'a node proves the runtime, installs what it is offered, and its app handles events',
  async (t) => {
    const gateway = await startTestGateway(t);
    const parts = await publishParts(gateway);
    gateway.assignments = {
      runtimes: [parts.runtime.offer],
      offers: [await makeOffer(gateway, parts, 1)],
    };
    const home = await newHome(t);
    const samples = { keepMiB: 1, forward: true };
    const bench = await startNode(t, home, gateway, { connect: true, init: { samples } });
    const bare = bench.node.fingerprint();
    await untilReceipt(gateway, 1, 'active');
    t.deepEqual(states(gateway, 1), ['offered', 'fetching', 'installing', 'checking', 'active']);
    t.not(bench.node.fingerprint(), bare);

    await writeFile(join(bench.inbox, 'classify'), '');
    await until('the result came', () => gateway.events.some(({ type }) => type === 'result'));
    const result = gateway.events.find(({ type }) => type === 'result')?.details?.['result'];
    const [[upright = 0, turned = 0] = []] = result as number[][];
    t.true(Math.abs(upright + turned - 1) < 1e-3);

    await writeFile(join(bench.inbox, 'alarm'), 'smoke');
    await until('the alarm came', () => gateway.events.some(({ type }) => type === 'alarm'));
    const alarm = gateway.events.find(({ type }) => type === 'alarm');
    t.is(new TextDecoder().decode(alarm?.attachment?.data), 'smoke');

    const infer = async (name: string, data: Uint8Array): Promise<unknown> => {
      const event = { kind: 'message', name, data };
      const request = { deployment: 'line', event };
      const answer = await gateway.mesh.call(bench.mesh.peerId, 'infer', request, { timeoutMs: 30_000 });
      return (answer as { result: unknown }).result;
    };
    t.is(await infer('size', new Uint8Array(5)), 5);
    t.is(await infer('remember', Buffer.from('a scratch')), 'press-1');
    await until('the sample came', () => gateway.events.some(({ type }) => type === 'sample'));
    const sample = gateway.events.find(({ type }) => type === 'sample');
    t.like(sample, { message: 'worth a look', details: { kept: true, contentType: 'text/plain' } });
    const { captured } = decode(sample?.attachment?.data ?? new Uint8Array(), 1e6) as {
      captured: { data: Uint8Array };
    };
    t.is(new TextDecoder().decode(captured.data), 'a scratch');

    const told = parseConfigurationAnswer(await gateway.mesh.call(bench.mesh.peerId, 'configuration', {}));
    t.false(told.unchanged);
    t.is(told.unchanged ? undefined : fingerprintOf(told.configuration), bench.node.fingerprint());
    const known = { known: bench.node.fingerprint() };
    t.true(
      parseConfigurationAnswer(await gateway.mesh.call(bench.mesh.peerId, 'configuration', known)).unchanged,
    );

    // The next version replaces it, and an older one is not taken any more.
    const newer = await publishParts(gateway, '1.1.0');
    await assign(gateway, bench, { runtimes: [], offers: [await makeOffer(gateway, newer, 2)] });
    await untilReceipt(gateway, 2, 'active');
    await untilReceipt(gateway, 1, 'superseded');
    t.is(await infer('recall', new Uint8Array()), 'a scratch');
    const older = await makeOffer(gateway, parts, 1);
    const refusal = (code: string): Promise<void> =>
      until(`${code} was told`, () => gateway.events.some(({ details }) => details?.['code'] === code));
    await assign(gateway, bench, { runtimes: [], offers: [older] });
    await refusal('ERR_OFFER_OUTDATED');

    // But the gateway may sign it as a way back, which nobody else can make of another offer.
    const back = { ...older, revision: 3, packedAs: 1 };
    await assign(gateway, bench, { runtimes: [], offers: [back] });
    await refusal('ERR_SIGNATURE_INVALID');
    const signed = { ...back, signature: signOffer(gateway.keyPair, back) };
    const received = Object.values(bench.mesh.swarm.stats().received);
    await assign(gateway, bench, { runtimes: [], offers: [signed] });
    await untilReceipt(gateway, 3, 'active');
    t.deepEqual(Object.values(bench.mesh.swarm.stats().received), received, 'nothing was fetched for it');
    t.is(await infer('recall', new Uint8Array()), 'a scratch');
    const wrong = { ...older, revision: 4, packedAs: 2 };
    const offers = [{ ...wrong, signature: signOffer(gateway.keyPair, wrong) }];
    await assign(gateway, bench, { runtimes: [], offers });
    await untilReceipt(gateway, 4, 'failed');

    // Without anybody to be reached, it starts what was active, and handles nothing twice.
    await bench.stop();
    await gateway.mesh.stop();
    const alone = await startNode(t, home, gateway, { connect: false });
    t.is(alone.node.installs().find(({ state }) => state === 'active')?.revision, 3);
    t.is(alone.node.configuration().runtimes.length, 1);
  },
);

test.serial('a node waits for consent where auto-update is off, and what was accepted goes on', async (t) => {
  const gateway = await startTestGateway(t);
  const parts = await publishParts(gateway);
  const bench = await startNode(t, await newHome(t), gateway);
  const first = await makeOffer(gateway, parts, 1, { autoUpdate: false });
  await assign(gateway, bench, { runtimes: [parts.runtime.offer], offers: [first] });
  await untilReceipt(gateway, 1, 'active');
  const second = await makeOffer(gateway, parts, 2, { autoUpdate: false });
  await assign(gateway, bench, { runtimes: [], offers: [second] });
  await untilReceipt(gateway, 2, 'awaiting-consent');
  await until('people were told', () => gateway.events.some(({ message }) => message.includes('consent')));
  const accepted = await gateway.mesh.call(bench.mesh.peerId, 'accept', { deployment: 'line' });
  t.deepEqual(accepted, { accepted: 1 });
  await untilReceipt(gateway, 2, 'active');
});

test.serial(
  'a node lets go what its gateway takes from it, also after a power cut, and takes it again',
  async (t) => {
    const gateway = await startTestGateway(t);
    const parts = await publishParts(gateway);
    const home = await newHome(t);
    const bench = await startNode(t, home, gateway);
    const removal = (revision: number, by = gateway.keyPair): Promise<unknown> => {
      const removals = [signRemoval(by, { deployment: 'line', revision })];
      return assign(gateway, bench, { runtimes: [], offers: [], removals });
    };
    const runtimes = [parts.runtime.offer];
    await assign(gateway, bench, { runtimes, offers: [await makeOffer(gateway, parts, 3)] });
    await untilReceipt(gateway, 3, 'active');
    // Neither what a stranger signs nor what was overtaken counts; a call is answered before it is acted on.
    await removal(9, generateKeyPair());
    await removal(2);
    await assign(gateway, bench, { runtimes: [], offers: [await makeOffer(gateway, parts, 2)] });
    await until('all that was looked at', () =>
      gateway.events.some(({ details }) => details?.['code'] === 'ERR_OFFER_OUTDATED'),
    );
    t.is(bench.node.installs()[0]?.state, 'active');

    await removal(4);
    await untilReceipt(gateway, 3, 'removed');
    await until('people were told', () =>
      gateway.events.some(({ message }) => message === 'line was taken off this node'),
    );
    const packages = (): Promise<string[]> => listTrees(join(home.dir, 'packages'));
    await until('its files are gone', async () => (await packages()).length === 0);
    const asked = { deployment: 'line', event: { kind: 'message', name: 'size', data: new Uint8Array(1) } };
    await t.throwsAsync(gateway.mesh.call(bench.mesh.peerId, 'infer', asked), { code: 'ERR_NOT_DEPLOYED' });

    await assign(gateway, bench, { runtimes, offers: [await makeOffer(gateway, parts, 5)] });
    await untilReceipt(gateway, 5, 'active');
    await bench.stop();
    const state = await openState(join(home.dir, 'state'));
    await state.table('floors', (value) => value).put('line', { revision: 6 }, { sync: true });
    await state.close();
    const again = await startNode(t, home, gateway, { connect: false });
    t.deepEqual(
      again.node
        .installs()
        .map(({ revision, state: now }) => [revision, now])
        .sort(),
      [
        [3, 'removed'],
        [5, 'removed'],
      ],
    );
    await until('its files are gone', async () => (await packages()).length === 0);
    await again.stop();

    // The power goes between the word of it and its note: it is gone through again, and not told again.
    const cut = await openState(join(home.dir, 'state'));
    const installs = cut.table('installs', (value) => value as { install: { state: string } });
    const events = cut.table('events', (value) => value as SiteEvent);
    const told = async (): Promise<unknown[]> =>
      (await events.list()).flatMap(([, { subject, details }]) =>
        subject === 'removed' ? [details?.['revision']] : [],
      );
    t.deepEqual(await told(), [6]);
    for (const [key, record] of await installs.list({ prefix: 'line/', reverse: true, limit: 1 }))
      await installs.put(key, { ...record, install: { ...record.install, state: 'active' } });
    await cut.table('floors', (value) => value).put('line', { revision: 6, told: 'begun' }, { sync: true });
    await cut.close();
    const last = await startNode(t, home, gateway, { connect: false });
    t.true(last.node.installs().every(({ state: now }) => now === 'removed'));
    await last.stop();
    const left = await openState(join(home.dir, 'state'));
    const queued = await left.table('events', (value) => value as SiteEvent).list();
    await left.close();
    t.is(queued.filter(([, { subject }]) => subject === 'removed').length, 1);
  },
);

test.serial('an install waits while the disk is full, says so, and goes on by itself', async (t) => {
  const gateway = await startTestGateway(t);
  const parts = await publishParts(gateway);
  let full = false;
  const store = (blobs: BlobStore): BlobStore =>
    new Proxy(blobs, {
      get(target, key) {
        if (key === 'partial' && full) return () => Promise.reject(new DiskFullError('no room at all'));
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  const bench = await startNode(t, await newHome(t), gateway, { connect: true, store });
  await assign(gateway, bench, { runtimes: [parts.runtime.offer], offers: [] });
  await until('the runtime is proven', () => bench.node.configuration().runtimes.length > 0);
  full = true;
  await assign(gateway, bench, { runtimes: [], offers: [await makeOffer(gateway, parts, 1)] });
  await until('people were told', () =>
    gateway.events.some(({ message }) => message === 'revision 1 waits for room on the disk: no room at all'),
  );
  t.like(bench.node.installs(), [{ state: 'fetching', problem: { code: 'ERR_DISK_FULL' } }]);
  await until('the gateway knows', () =>
    gateway.receipts.some(({ problem }) => problem?.code === 'ERR_DISK_FULL'),
  );
  full = false;
  await untilReceipt(gateway, 1, 'active');
  t.false(states(gateway, 1).includes('failed'));
  t.is(bench.node.installs()[0]?.problem, undefined);
});

test.serial('a bad package is refused with its reason, and what ran before runs on', async (t) => {
  const gateway = await startTestGateway(t);
  const parts = await publishParts(gateway);
  const bench = await startNode(t, await newHome(t), gateway);
  await assign(gateway, bench, {
    runtimes: [parts.runtime.offer],
    offers: [await makeOffer(gateway, parts, 1)],
  });
  await untilReceipt(gateway, 1, 'active');
  const stranger = generateKeyPair();
  const altered = await gateway.blobs.put(new TextEncoder().encode('export default 1;'));
  const replace =
    (path: string): PackageChanges['layers'] =>
    (layers) =>
      layers.map((layer) =>
        layer.annotations?.[ANNOTATION.path] === path ? { ...layer, digest: altered } : layer,
      );
  const cases: [string, PackageChanges][] = [
    ['ERR_PACKAGE_INVALID', { layers: replace('app/square.ts') }],
    ['ERR_PACKAGE_INVALID', { layers: replace(`runtime/${parts.runtime.entry}`) }],
    ['ERR_PACKAGE_INVALID', { layers: replace('models/direction/model.onnx') }],
    ['ERR_PACKAGE_INVALID', { layers: replace('models/direction/files/labels.txt') }],
    [
      'ERR_PACKAGE_INVALID',
      {
        layers: (layers) => [
          ...layers,
          { ...parts.model.labels, annotations: { [ANNOTATION.path]: 'app/more.ts' } },
        ],
      },
    ],
    ['ERR_PACKAGE_INVALID', { config: (config) => ({ ...config, revision: 99 }) }],
    [
      'ERR_PACKAGE_INVALID',
      {
        config: (config) => ({
          ...config,
          models: {
            direction: {
              ...parts.model.release,
              recipe: 'fp16',
              build: parts.model.weights.digest,
              buildSize: 1,
            },
          },
        }),
      },
    ],
    [
      'ERR_SIGNATURE_INVALID',
      {
        config: (config) => ({
          ...config,
          app: { ...config.app, signature: { ...config.app.signature, key: stranger.publicKey } },
        }),
      },
    ],
    [
      'ERR_SIGNATURE_INVALID',
      { config: (config) => ({ ...config, app: { ...config.app, version: '9.9.9' } }) },
    ],
    [
      'ERR_RESOURCE_NOT_GRANTED',
      { config: (config) => ({ ...config, grants: { ...config.grants, sources: ['camera-9'] } }) },
    ],
    [
      'ERR_RESOURCE_NOT_GRANTED',
      { config: (config) => ({ ...config, grants: { ...config.grants, actions: { alarm: 'horn' } } }) },
    ],
    [
      'ERR_RESOURCE_NOT_GRANTED',
      { config: (config) => ({ ...config, grants: { ...config.grants, memoryMiB: 4096 } }) },
    ],
    [
      'ERR_RESOURCE_NOT_GRANTED',
      { config: (config) => ({ ...config, grants: { ...config.grants, resources: { scale: 'scale-9' } } }) },
    ],
    [
      'ERR_RUNTIME_UNFIT',
      { config: (config) => ({ ...config, runtime: { ...config.runtime, provider: 'webgpu' } }) },
    ],
  ];
  let revision = 1;
  const refused = async (of: TestParts, changes?: PackageChanges): Promise<Install['problem']> => {
    revision += 1;
    const offers = [await makeOffer(gateway, of, revision, changes)];
    await assign(gateway, bench, { runtimes: [], offers });
    await untilReceipt(gateway, revision, 'failed');
    return gateway.receipts.find((receipt) => receipt.revision === revision && receipt.state === 'failed')
      ?.problem;
  };
  for (const [code, changes] of cases) {
    const problem = await refused(parts, changes);
    t.is(problem?.code, code, problem?.message);
  }
  // As a bridge of an earlier version published it, or somebody who signs by hand: all signatures hold.
  const inputs: ModelCard['inputs'] = [{ name: 'x', type: 'float32', shape: ['N', 1, 28, 28] }];
  const lying = { ...parts, model: await publishModel(gateway, { ...DIRECTION_CARD, inputs }) };
  const contradicted = await refused(lying);
  t.is(contradicted?.code, 'ERR_INVALID_CARD');
  t.regex(
    contradicted?.message ?? '',
    /the input of the model direction x is .*, its card says \[N, 1, 28, 28\]/,
  );
  const foreign = await makeOffer(gateway, parts, 50, { signer: stranger });
  await assign(gateway, bench, { runtimes: [], offers: [foreign] });
  await until('the foreign offer was refused', () =>
    gateway.events.some(({ details }) => details?.['code'] === 'ERR_SIGNATURE_INVALID'),
  );
  t.deepEqual(states(gateway, 50), []);
  t.is(bench.node.installs().find(({ state }) => state === 'active')?.revision, 1);
  const answer = await gateway.mesh.call(
    bench.mesh.peerId,
    'infer',
    { deployment: 'line', event: { kind: 'message', name: 'size', data: new Uint8Array(3) } },
    { timeoutMs: 30_000 },
  );
  t.is((answer as { result: unknown }).result, 3);
});

test.serial('only the gateway is answered', async (t) => {
  const gateway = await startTestGateway(t);
  const bench = await startNode(t, await newHome(t), gateway);
  const stranger = await startTestMesh(t);
  await stranger.dial(addressOf(bench.mesh));
  for (const name of ['configuration', 'assign', 'trial', 'infer', 'accept', 'installs'])
    await t.throwsAsync(stranger.call(bench.mesh.peerId, name, {}), { code: 'ERR_NOT_AUTHORISED' });
});

test.serial('a runtime by a publisher that is not trusted is not tried', async (t) => {
  const gateway = await startTestGateway(t);
  const parts: TestParts = await publishParts(gateway);
  const bench = await startNode(t, await newHome(t), gateway, {
    connect: true,
    init: { publishers: [generateKeyPair().publicKey] },
  });
  await assign(gateway, bench, { runtimes: [parts.runtime.offer], offers: [] });
  await assign(gateway, bench, { runtimes: [], offers: [await makeOffer(gateway, parts, 1)] });
  await untilReceipt(gateway, 1, 'failed');
  t.deepEqual(bench.node.configuration().runtimes, []);
});

test.serial('a node without a sandbox refuses the code of a publisher that is not its own', async (t) => {
  const gateway = await startTestGateway(t);
  const parts: TestParts = await publishParts(gateway);
  const home = await newHome(t);
  const bare = await startNode(t, home, gateway, { connect: true, init: { sandbox: { method: 'none' } } });
  t.is(bare.node.configuration().sandbox?.method, 'none');
  await assign(gateway, bare, {
    runtimes: [parts.runtime.offer],
    offers: [await makeOffer(gateway, parts, 1)],
  });
  await untilReceipt(gateway, 1, 'failed');
  t.is(gateway.receipts.at(-1)?.problem?.code, 'ERR_SANDBOX_MISSING');
  t.true(
    gateway.events.some(
      ({ subject, details }) =>
        subject === parts.runtime.offer.manifest && details?.['code'] === 'ERR_SANDBOX_MISSING',
    ),
  );
  t.deepEqual(bare.node.configuration().runtimes, []);
  await bare.stop();

  const own = { method: 'none' as const, ownPublishers: [gateway.publisher.publicKey] };
  const trusting = await startNode(t, home, gateway, { connect: true, init: { sandbox: own } });
  await assign(gateway, trusting, {
    runtimes: [parts.runtime.offer],
    offers: [await makeOffer(gateway, parts, 2)],
  });
  await untilReceipt(gateway, 2, 'active');
  await trusting.stop();

  // What was installed is not started either when the publisher is the site's own no more.
  const again = await startNode(t, home, gateway, { connect: false, init: { sandbox: { method: 'none' } } });
  t.deepEqual(again.node.installs().find(({ revision }) => revision === 2)?.state, 'active');
  await t.throwsAsync(
    gateway.mesh.dial(addressOf(again.mesh)).then(() =>
      gateway.mesh.call(again.mesh.peerId, 'infer', {
        deployment: 'line',
        event: { kind: 'message', name: 'size', data: new Uint8Array(5) },
      }),
    ),
    { code: 'ERR_NOT_DEPLOYED' },
  );
});

const ZEROS = { x: float32(new Float32Array(3 * 48 * 192), [1, 3, 48, 192]) };

test.serial(
  'a model is finalised for the CPU after its install, and the second start knows of it',
  async (t) => {
    const gateway = await startTestGateway(t);
    const parts = await publishParts(gateway);
    const home = await newHome(t);
    const opened: OpenedModel[] = [];
    const log: Logger = {
      ...silentLogger,
      info: (details, message) => {
        if (message === 'a model was opened') opened.push(details as unknown as OpenedModel);
      },
    };
    const bench = await startNode(t, home, gateway, { connect: true, log });
    const golden = encodeGolden([{ inputs: ZEROS, outputs: {} }]);
    const layer = {
      mediaType: MEDIA.file,
      digest: await gateway.blobs.put(golden),
      size: golden.byteLength,
      annotations: { [ANNOTATION.path]: PACKAGE_PATH.golden('direction') },
    };
    const offer = await makeOffer(gateway, parts, 1, { layers: (layers) => [...layers, layer] });
    await assign(gateway, bench, { runtimes: [parts.runtime.offer], offers: [offer] });
    await untilReceipt(gateway, 1, 'active');
    t.is(opened[0]?.from, 'package');
    const copies = join(home.dir, 'copies');
    await until('it is finalised', async () => (await readdir(copies)).some((name) => !name.startsWith('.')));
    const [key = ''] = (await readdir(copies)).filter((name) => !name.startsWith('.'));
    const hasCopy = (await readdir(join(copies, key))).some((file) => file.startsWith('model.'));
    await bench.stop();
    await startNode(t, home, gateway, { connect: false, log });
    await until('it started again', () => opened.length === 2);
    t.is(opened[1]?.from, hasCopy ? 'copy' : 'package');
    t.is(opened[1]?.problem, undefined);
  },
);

test.serial('a node measures builds for its gateway, and signs what it found', async (t) => {
  const gateway = await startTestGateway(t);
  const parts = await publishParts(gateway);
  const home = await newHome(t);
  const bench = await startNode(t, home, gateway);
  await assign(gateway, bench, { runtimes: [parts.runtime.offer], offers: [] });
  await until('the runtime is proven', () => bench.node.configuration().runtimes.length === 1);
  const samples = encodeSamples({ samples: [{ inputs: ZEROS }] });
  const { weights } = parts.model;
  const { manifest, manifestSize } = parts.runtime.offer;
  const request: TrialRequest = {
    runtime: { manifest, manifestSize, provider: 'cpu' },
    metric: { kind: 'top1', output: 'softmax_0.tmp_0' },
    builds: [{ name: 'original', digest: weights.digest, size: weights.size, session: { pattern: false } }],
    validation: { digest: await gateway.blobs.put(samples), size: samples.byteLength },
    budget: { samples: 1, runs: 3, milliseconds: 5000 },
  };
  const answer = await gateway.mesh.call(bench.mesh.peerId, 'trial', request, { timeoutMs: 60_000 });
  const { results, signature } = parseTrialResult(answer);
  t.is(results[0]?.measurement?.runs, 3);
  t.is(signature?.key, home.keyPair.publicKey);
  t.notThrows(() => verifyTrial(request, results, signature!, home.keyPair.publicKey));
  const other = { ...request, validation: { digest: digestOf('other'), size: 5 } };
  t.throws(() => verifyTrial(other, results, signature!, home.keyPair.publicKey), {
    code: 'ERR_SIGNATURE_INVALID',
  });
});
