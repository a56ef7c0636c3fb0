import test, { type ExecutionContext } from 'ava';
import { parseCatalogListing, silentLogger } from '../../core/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import {
  bridge,
  type Catalog,
  openCatalog,
  packApp,
  type Packed,
  packModel,
} from '../../provider-bridge/index.ts';
import { type Layout, memoryBlobStore, openLayout } from '../../store/index.ts';
import { generateKeyPair, type KeyPair, signRelease } from '../../trust/index.ts';
import { writeAppFolder, writeModelFolder } from '../helpers/folders.ts';
import { addressOf, startTestMesh } from '../helpers/mesh.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

interface Provider {
  host: Mesh;
  layout: Layout;
  catalog: Catalog;
  publisher: KeyPair;
  stop: () => Promise<void>;
}

async function startProvider(t: ExecutionContext): Promise<Provider> {
  const layout = await openLayout(await temporaryFolder(t));
  t.teardown(() => layout.close());
  const host = await startTestMesh(t, { gossip: false, blobs: layout.blobs });
  const publisher = generateKeyPair();
  const catalog = await openCatalog(layout, { publishers: [publisher.publicKey] });
  const service = bridge({ name: 'acme' })({ mesh: host, catalog, blobs: layout.blobs, log: silentLogger });
  await service.start();
  await service.start();
  t.teardown(() => service.stop());
  return { host, layout, catalog, publisher, stop: () => service.stop() };
}

function request(packed: Packed, by: KeyPair): object {
  const { release, mediaType, size } = packed;
  return {
    release,
    mediaType,
    size,
    signature: signRelease(by, release),
    createdAt: new Date().toISOString(),
  };
}

test('a gateway lists a catalog, is told of changes, and fetches what it lists', async (t) => {
  const provider = await startProvider(t);
  const blobs = memoryBlobStore();
  const gateway = await startTestMesh(t, { blobs });
  const told = Promise.withResolvers<unknown>();
  gateway.handle('catalog-changed', async (notice) => {
    told.resolve(notice);
    return {};
  });
  const peer = await gateway.dial(addressOf(provider.host));
  const list = async () => parseCatalogListing(await gateway.call(peer, 'catalog', {}));
  t.deepEqual(await list(), { revision: 0, entries: [] });
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const packed = await packModel(dir, provider.layout.blobs);
  await provider.catalog.add(request(packed, provider.publisher) as Parameters<Catalog['add']>[0]);
  t.deepEqual(await told.promise, { revision: 1 });
  const { entries } = await list();
  t.deepEqual(
    entries.map(({ digest }) => digest),
    [packed.release.digest],
  );
  await gateway.swarm.fetch({ digest: packed.release.digest, size: packed.size });
  t.true(await blobs.has(packed.release.digest));
});

test('a peer publishes: the bridge takes the content from it, then lists it', async (t) => {
  const provider = await startProvider(t);
  const blobs = memoryBlobStore();
  const maker = await startTestMesh(t, { gossip: false, blobs });
  const peer = await maker.dial(addressOf(provider.host));
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const packed = await packModel(dir, blobs);
  const answer = await maker.call(peer, 'publish', request(packed, provider.publisher), {
    timeoutMs: 60_000,
  });
  t.like(answer, { entry: { ...packed.release, contentSize: packed.contentSize } });
  const entry = await provider.catalog.entry('model', 'label-orientation');
  t.is(entry?.digest, packed.release.digest);
  for await (const { digest } of blobs.list()) t.true(await provider.layout.blobs.has(digest));
  const again = await maker.call(peer, 'publish', request(packed, provider.publisher), { timeoutMs: 60_000 });
  t.deepEqual(again, answer);
});

test('nothing is fetched for a release that no trusted publisher signed, or for a request that is none', async (t) => {
  const provider = await startProvider(t);
  const blobs = memoryBlobStore();
  const stranger = await startTestMesh(t, { gossip: false, blobs });
  const peer = await stranger.dial(addressOf(provider.host));
  const dir = await temporaryFolder(t);
  await writeAppFolder(dir);
  const packed = await packApp(dir, blobs);
  const good = request(packed, provider.publisher);
  const bad: [unknown, string][] = [
    [request(packed, generateKeyPair()), 'ERR_SIGNATURE_INVALID'],
    [{ ...good, release: { ...packed.release, version: '3.0.0' } }, 'ERR_SIGNATURE_INVALID'],
    [{ ...good, size: 1e12 }, 'ERR_INVALID_INPUT'],
    [{ ...good, mediaType: 'text/html' }, 'ERR_INVALID_INPUT'],
    [{}, 'ERR_INVALID_INPUT'],
    [undefined, 'ERR_INVALID_INPUT'],
  ];
  for (const [value, code] of bad) await t.throwsAsync(stranger.call(peer, 'publish', value), { code });
  for await (const { digest } of provider.layout.blobs.list()) t.fail(`${digest} was fetched`);
  await t.notThrowsAsync(stranger.call(peer, 'publish', good, { timeoutMs: 60_000 }));
});

test('a bridge that is stopped answers nobody, and may be started again', async (t) => {
  const provider = await startProvider(t);
  const gateway = await startTestMesh(t);
  const peer = await gateway.dial(addressOf(provider.host));
  await gateway.call(peer, 'catalog', {});
  await provider.stop();
  await provider.stop();
  await t.throwsAsync(gateway.call(peer, 'catalog', {}, { timeoutMs: 5000 }));
});
