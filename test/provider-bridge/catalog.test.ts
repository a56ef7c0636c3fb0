import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  ANNOTATION,
  digestOf,
  encodeChunkList,
  findEntry,
  hexOf,
  type Manifest,
  manifestBytes,
  MAX_MANIFEST_BYTES,
  MEDIA,
  parseCatalogListing,
  parseManifest,
} from '../../core/index.ts';
import {
  type Catalog,
  openCatalog,
  packApp,
  type Packed,
  packModel,
  packRuntime,
  type Publication,
  referenceOf,
} from '../../provider-bridge/index.ts';
import { type Layout, openLayout } from '../../store/index.ts';
import { generateKeyPair, type KeyPair, signRelease } from '../../trust/index.ts';
import { writeAppFolder, writeFiles, writeModelFolder } from '../helpers/folders.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

interface Shop {
  dir: string;
  layout: Layout;
  catalog: Catalog;
  publisher: KeyPair;
}

async function openShop(t: ExecutionContext): Promise<Shop> {
  const dir = await temporaryFolder(t);
  const layout = await openLayout(dir);
  t.teardown(() => layout.close());
  const publisher = generateKeyPair();
  const catalog = await openCatalog(layout, { publishers: [publisher.publicKey] });
  return { dir, layout, catalog, publisher };
}

function signed(packed: Packed, by: KeyPair): Publication {
  const { release, mediaType, size } = packed;
  return {
    release,
    mediaType,
    size,
    signature: signRelease(by, release),
    createdAt: '2026-11-22T10:00:00.000Z',
  };
}

async function model(t: ExecutionContext, { layout }: Shop, version = '1.0.0'): Promise<Packed> {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir, version);
  return packModel(dir, layout.blobs);
}

async function app(t: ExecutionContext, { layout }: Shop, version = '1.0.0'): Promise<Packed> {
  const dir = await temporaryFolder(t);
  await writeAppFolder(dir, version);
  return packApp(dir, layout.blobs);
}

/** A runtime of two variants that share a file. */
async function runtime(t: ExecutionContext, { layout }: Shop): Promise<Packed> {
  const dir = await temporaryFolder(t);
  await writeFiles(dir, { 'shared.js': 'shared', 'a.node': 'a', 'b.node': 'b' });
  const variants = ['a', 'b'].map((name) => ({
    platform: { os: 'linux', architecture: name },
    manifest: {
      name: 'tiny-runtime',
      version: '1.0.0',
      description: 'tiny',
      licence: 'MIT',
      entry: 'index.js',
      providers: ['cpu'],
    },
    files: new Map([
      ['index.js', join(dir, 'shared.js')],
      [`bin/${name}.node`, join(dir, `${name}.node`)],
    ]),
  }));
  return packRuntime(variants, layout.blobs);
}

test('what was added is listed, with what its own content says of it', async (t) => {
  const shop = await openShop(t);
  const { catalog, publisher } = shop;
  t.deepEqual(await catalog.listing(), { revision: 0, entries: [] });
  const [oneApp, oneModel, oneRuntime] = [await app(t, shop), await model(t, shop), await runtime(t, shop)];
  for (const packed of [oneApp, oneModel, oneRuntime]) await catalog.add(signed(packed, publisher));
  const { revision, entries } = parseCatalogListing(await catalog.listing());
  t.is(revision, 3);
  t.like(findEntry(entries, 'model', 'label-orientation'), {
    ...oneModel.release,
    mediaType: MEDIA.manifest,
    size: oneModel.size,
    description: 'Says which way up a label is',
    licence: 'Apache-2.0',
    contentSize: oneModel.contentSize,
    publishedAt: '2026-11-22T10:00:00.000Z',
    variants: [],
  });
  const found = findEntry(entries, 'runtime', 'tiny-runtime');
  t.is(found?.contentSize, oneRuntime.contentSize);
  t.deepEqual(
    found?.variants.map(({ platform }) => platform.architecture),
    ['a', 'b'],
  );
  t.is((await catalog.entry('app', 'turner'))?.digest, oneApp.release.digest);
  t.is(await catalog.entry('app', 'turner', '2.0.0'), undefined);
});

test('a catalog that is opened again is as it was', async (t) => {
  const shop = await openShop(t);
  await shop.catalog.add(signed(await app(t, shop), shop.publisher));
  const again = await openCatalog(await openLayout(shop.dir), { publishers: [shop.publisher.publicKey] });
  t.deepEqual(await again.listing(), await shop.catalog.listing());
  const stranger = await openCatalog(await openLayout(shop.dir), { publishers: [] });
  t.deepEqual((await stranger.listing()).entries, [], 'what no trusted publisher signed is not told');
});

test('a version never changes; the same again is no change', async (t) => {
  const shop = await openShop(t);
  const { catalog, publisher } = shop;
  const first = await catalog.add(signed(await model(t, shop), publisher));
  const again = await catalog.add({
    ...signed(await model(t, shop), publisher),
    createdAt: '2027-01-01T00:00:00Z',
  });
  t.deepEqual(again, first);
  t.is((await catalog.listing()).revision, 1);
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  await writeFiles(dir, { 'labels.txt': 'changed' });
  const other = await packModel(dir, shop.layout.blobs);
  await t.throwsAsync(catalog.add(signed(other, publisher)), { code: 'ERR_VERSION_EXISTS' });
  await catalog.add(signed(await model(t, shop, '1.0.1'), publisher));
  t.is((await catalog.entry('model', 'label-orientation'))?.version, '1.0.1');
});

test('what no trusted publisher signed is not taken', async (t) => {
  const shop = await openShop(t);
  const packed = await app(t, shop);
  const good = signed(packed, shop.publisher);
  const bad: Publication[] = [
    signed(packed, generateKeyPair()),
    { ...good, release: { ...good.release, version: '9.0.0' } },
    { ...good, release: { ...good.release, kind: 'model' } },
  ];
  for (const publication of bad) {
    t.throws(() => shop.catalog.check(publication), { code: 'ERR_SIGNATURE_INVALID' });
    await t.throwsAsync(shop.catalog.add(publication), { code: 'ERR_SIGNATURE_INVALID' });
  }
  await t.throwsAsync(shop.catalog.add({ ...good, createdAt: 'yesterday' }), { code: 'ERR_INVALID_INPUT' });
  t.deepEqual((await shop.catalog.listing()).entries, []);
});

test('a release whose content is missing is not taken, and is once it is there', async (t) => {
  const shop = await openShop(t);
  const packed = await model(t, shop);
  const { blobs } = shop.layout;
  const { layers, config } = parseManifest(await blobs.read(packed.release.digest, MAX_MANIFEST_BYTES));
  for (const digest of [packed.release.digest, config.digest, ...layers.map((layer) => layer.digest)]) {
    await blobs.delete(digest);
    await t.throwsAsync(shop.catalog.add(signed(packed, shop.publisher)), { code: 'ERR_RELEASE_INCOMPLETE' });
    await model(t, shop);
  }
  await t.notThrowsAsync(shop.catalog.add(signed(packed, shop.publisher)));
});

test('a release that is not what it says is not taken, even well signed', async (t) => {
  const shop = await openShop(t);
  const { blobs } = shop.layout;
  const packed = await model(t, shop);
  const manifest = parseManifest(await blobs.read(packed.release.digest, MAX_MANIFEST_BYTES));
  const weights = manifest.layers.findIndex(({ mediaType }) => mediaType === MEDIA.modelWeights);
  const publish = async (changed: Manifest, more: Partial<Packed> = {}): Promise<void> => {
    const bytes = manifestBytes(changed);
    const release = { ...packed.release, digest: await blobs.put(bytes), ...more.release };
    await shop.catalog.add(signed({ ...packed, size: bytes.byteLength, ...more, release }, shop.publisher));
  };
  const withLayer = (change: object): Manifest => ({
    ...manifest,
    layers: manifest.layers.map((layer, i) => (i === weights ? { ...layer, ...change } : layer)),
  });
  const [wrongList, foreign] = [
    encodeChunkList({ size: 1, chunks: [{ offset: 0, size: 1, digest: digestOf('x') }] }),
    digestOf('not a layer'),
  ];
  const listDigest = await blobs.put(wrongList);
  const listed = withLayer({ annotations: { [ANNOTATION.path]: 'a', [ANNOTATION.chunks]: listDigest } });
  const list = { mediaType: MEDIA.chunks, digest: listDigest, size: wrongList.byteLength };
  const cases: [string, () => Promise<void>][] = [
    ['another name', () => publish(manifest, { release: { ...packed.release, name: 'other' } })],
    ['another version', () => publish(manifest, { release: { ...packed.release, version: '2.0.0' } })],
    ['another kind', () => publish(manifest, { release: { ...packed.release, kind: 'app' } })],
    ['another size', () => publish(manifest, { size: packed.size + 1 })],
    ['an index', () => publish(manifest, { mediaType: MEDIA.index })],
    ['another artifact type', () => publish({ ...manifest, artifactType: MEDIA.app })],
    ['no card', () => publish({ ...manifest, layers: manifest.layers.slice(1) })],
    ['two files at a path', () => publish(withLayer({ annotations: { [ANNOTATION.path]: 'labels.txt' } }))],
    ['a wrong chunk list', () => publish({ ...listed, layers: [...listed.layers, list] })],
    [
      'a chunk list that is no layer',
      () => publish(withLayer({ annotations: { [ANNOTATION.path]: 'a', [ANNOTATION.chunks]: foreign } })),
    ],
  ];
  for (const [name, attempt] of cases) await t.throwsAsync(attempt(), { code: 'ERR_RELEASE_INVALID' }, name);
  await t.throwsAsync(publish(withLayer({ size: 7 })), { code: 'ERR_RELEASE_INCOMPLETE' });
  t.deepEqual((await shop.catalog.listing()).entries, []);
});

test('what is removed is gone, with the content that nothing else needs', async (t) => {
  const shop = await openShop(t);
  const { catalog, layout, publisher } = shop;
  const [one, two] = [await model(t, shop, '1.0.0'), await model(t, shop, '2.0.0')];
  await catalog.add(signed(one, publisher));
  await catalog.add(signed(two, publisher));
  const { layers } = parseManifest(await layout.blobs.read(one.release.digest, MAX_MANIFEST_BYTES));
  await catalog.remove('model', 'label-orientation', '1.0.0');
  await t.throwsAsync(catalog.remove('model', 'label-orientation', '1.0.0'), { code: 'ERR_ENTRY_NOT_FOUND' });
  t.is((await catalog.listing()).revision, 3);
  t.is((await catalog.entry('model', 'label-orientation'))?.version, '2.0.0');
  t.false(await layout.blobs.has(one.release.digest));
  const weights = layers.find(({ mediaType }) => mediaType === MEDIA.modelWeights);
  t.true(weights !== undefined && (await layout.blobs.has(weights.digest)), 'both versions have it');
  await catalog.remove('model', 'label-orientation', '2.0.0');
  for await (const { digest } of layout.blobs.list()) t.fail(`${digest} is needed by nobody`);
});

test('an entry whose content the disk lost is left out of the list, and can be put back', async (t) => {
  const shop = await openShop(t);
  const packed = await app(t, shop);
  await shop.catalog.add(signed(packed, shop.publisher));
  await shop.catalog.add(signed(await model(t, shop), shop.publisher));
  await rm(join(shop.dir, 'blobs/sha256', hexOf(packed.release.digest)));
  const open = (): Promise<Catalog> => openCatalog(shop.layout, { publishers: [shop.publisher.publicKey] });
  const kinds = async (): Promise<string[]> =>
    (await (await open()).listing()).entries.map(({ kind }) => kind);
  t.deepEqual(await kinds(), ['model']);
  await app(t, shop);
  t.deepEqual(await kinds(), ['app', 'model']);
});

test('a change by another process is told, and its list is the same', async (t) => {
  const shop = await openShop(t);
  const there = await openLayout(shop.dir);
  t.teardown(() => there.close());
  const elsewhere = await openCatalog(there, { publishers: [shop.publisher.publicKey] });
  const changed = Promise.withResolvers<void>();
  shop.catalog.onChange(() => changed.resolve());
  await elsewhere.add(signed(await app(t, shop), shop.publisher));
  await changed.promise;
  t.deepEqual(await shop.catalog.listing(), await elsewhere.listing());
});

test('many at once are all added', async (t) => {
  const shop = await openShop(t);
  const versions = Array.from({ length: 8 }, (_, i) => `1.${i}.0`);
  await Promise.all(
    versions.map(async (version) => shop.catalog.add(signed(await app(t, shop, version), shop.publisher))),
  );
  const { revision, entries } = await shop.catalog.listing();
  t.is(revision, 8);
  t.deepEqual(entries.map(({ version }) => version).sort(), versions);
});

test('the layout is one that OCI tools can read', async (t) => {
  const shop = await openShop(t);
  const packed = await model(t, shop);
  await shop.catalog.add(signed(packed, shop.publisher));
  const index = JSON.parse(await readFile(join(shop.dir, 'index.json'), 'utf8')) as {
    schemaVersion: number;
    manifests: { digest: string; size: number; annotations: Record<string, string> }[];
  };
  t.is(index.schemaVersion, 2);
  t.like(index.manifests[0], {
    mediaType: MEDIA.manifest,
    digest: packed.release.digest,
    size: packed.size,
    annotations: { 'org.opencontainers.image.ref.name': 'model/label-orientation:1.0.0' },
  });
});

const skopeo = spawnSync('skopeo', ['--version']).status === 0;
const testWithSkopeo = skopeo ? test : test.skip;

testWithSkopeo('skopeo reads a catalog and copies releases out of it, with all variants', async (t) => {
  const shop = await openShop(t);
  const [oneModel, oneRuntime] = [await model(t, shop), await runtime(t, shop)];
  const copies = await temporaryFolder(t);
  for (const packed of [oneModel, oneRuntime]) {
    const entry = await shop.catalog.add(signed(packed, shop.publisher));
    const source = `oci:${shop.dir}:${referenceOf(entry)}`;
    const inspected = spawnSync('skopeo', ['inspect', '--raw', source]);
    t.is(digestOf(inspected.stdout), entry.digest, inspected.stderr.toString());
    const target = join(copies, entry.kind);
    const copied = spawnSync('skopeo', ['--insecure-policy', 'copy', '--all', source, `oci:${target}:copy`]);
    t.is(copied.status, 0, copied.stderr.toString());
    const { blobs } = await openLayout(target);
    const manifests =
      entry.variants.length === 0 ? [entry.digest] : entry.variants.map(({ digest }) => digest);
    for (const digest of manifests)
      for (const layer of parseManifest(await blobs.read(digest, MAX_MANIFEST_BYTES)).layers)
        await t.notThrowsAsync(blobs.verify(layer.digest));
  }
});
