import { chmod, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type Digest, digestOf, MEDIA } from '../../core/index.ts';
import {
  activateTree,
  activeTree,
  beginTree,
  ensureDir,
  finishTree,
  installTree,
  listTrees,
  openBlobStore,
  openLayout,
  readJsonFile,
  removeTree,
  writeFileAtomic,
} from '../../store/index.ts';
import { chunked } from '../contracts/blob-store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const hex = (digest: Digest): string => digest.slice(7);

test('a blob that the disk changed is found out, forgotten, and can be put again', async (t) => {
  const dir = await temporaryFolder(t);
  const store = await openBlobStore(dir);
  const bytes = new Uint8Array(5000).fill(1);
  for (const damage of [bytes.subarray(1), Uint8Array.from(bytes, (byte, i) => (i === 99 ? 0 : byte))]) {
    const digest = await store.put(bytes);
    const path = await store.path(digest);
    await chmod(path, 0o600);
    await writeFile(path, damage);
    await t.throwsAsync(store.read(digest, 10_000), { code: 'ERR_BLOB_CORRUPT' });
    t.false(await store.has(digest));
    await store.put(bytes);
    await chmod(path, 0o600);
    await writeFile(path, damage);
    await t.throwsAsync(store.verify(digest), { code: 'ERR_BLOB_CORRUPT' });
    t.false(await store.has(digest));
  }
});

test('damaged and cut partial blobs keep what verifies', async (t) => {
  const dir = await temporaryFolder(t);
  const { blob, list, part } = chunked();
  const digest = digestOf(blob);
  const store = await openBlobStore(dir);
  const file = join(dir, 'partial', `${hex(digest)}.partial`);
  await writeFile(
    file,
    Uint8Array.from(blob, (byte, i) => (i === 12 ? 0 : byte)),
  );
  const partial = await store.partial(digest, list);
  t.deepEqual(partial.missing(), [1]);
  await partial.close();
  await writeFile(file, blob.subarray(0, 13));
  const cut = await store.partial(digest, list);
  t.deepEqual(cut.missing(), [1, 2]);
  for (const index of [1, 2]) await cut.write(index, part(index));
  await cut.commit();
  t.deepEqual(await readdir(join(dir, 'partial')), []);
});

test('partial blobs that nobody wanted for a week are removed', async (t) => {
  const dir = await temporaryFolder(t);
  const { blob, list, part } = chunked();
  const partial = await (await openBlobStore(dir)).partial(digestOf(blob), list);
  await partial.write(0, part(0));
  await partial.close();
  await openBlobStore(dir);
  const [name = ''] = await readdir(join(dir, 'partial'));
  const old = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  await utimes(join(dir, 'partial', name), old, old);
  await openBlobStore(dir);
  t.deepEqual(await readdir(join(dir, 'partial')), []);
});

test('two stores on one folder do not write into each other’s partial blob', async (t) => {
  const dir = await temporaryFolder(t);
  const { blob, list, part } = chunked();
  const [a, b] = [await openBlobStore(dir), await openBlobStore(dir)];
  const [first, second] = [await a.partial(digestOf(blob), list), await b.partial(digestOf(blob), list)];
  for (const index of [0, 1, 2]) await first.write(index, part(index));
  await second.write(0, part(0));
  await first.commit();
  t.deepEqual(second.missing(), [1, 2]);
  for (const index of [1, 2]) await second.write(index, part(index));
  await second.commit();
  await t.notThrowsAsync(b.verify(digestOf(blob)));
});

test('an atomic write keeps to its mode, and an exclusive one to what is there', async (t) => {
  const dir = join(await temporaryFolder(t), 'a', 'b');
  await ensureDir(dir);
  const path = join(dir, 'key');
  await writeFileAtomic(path, '{"a":1}', { mode: 0o600, exclusive: true });
  await t.throwsAsync(writeFileAtomic(path, 'other', { exclusive: true }), { code: 'EEXIST' });
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(await readJsonFile(path, 100), { a: 1 });
  t.is(await readJsonFile(join(dir, 'none'), 100), undefined);
  await t.throwsAsync(readJsonFile(path, 3), { code: 'ERR_MESSAGE_TOO_LARGE' });
  await writeFileAtomic(path, '{"a":');
  await t.throwsAsync(readJsonFile(path, 100), { code: 'ERR_INVALID_INPUT' });
  t.deepEqual(await readdir(dir), ['key']);
});

test('a tree is installed by links, read-only, and once', async (t) => {
  const dir = await temporaryFolder(t);
  const store = await openBlobStore(dir);
  const digest = await store.put(new Uint8Array(100));
  const root = join(dir, 'trees');
  const files = [
    { path: 'a/b/model.onnx', digest },
    { path: 'a/tool', digest, mode: 0o755 },
  ];
  const paths = await Promise.all([1, 2, 3].map(() => installTree(root, 'v1', files, store)));
  t.deepEqual(new Set(paths), new Set([join(root, 'v1')]));
  const linked = await stat(join(root, 'v1/a/b/model.onnx'));
  t.is(linked.ino, (await stat(await store.path(digest))).ino);
  t.is(linked.mode & 0o777, 0o444);
  t.is((await stat(join(root, 'v1/a/tool'))).mode & 0o777, 0o555);
  t.deepEqual(await listTrees(root), ['v1']);
  t.is(await activeTree(root, 'active'), undefined);
  await activateTree(root, 'active', 'v1');
  t.is(await activeTree(root, 'active'), 'v1');
  t.is((await readFile(join(root, 'active/a/tool'))).byteLength, 100);
  await installTree(root, 'v2', [{ path: 'x', digest }], store);
  await activateTree(root, 'active', 'v2');
  await removeTree(root, 'v1');
  await removeTree(root, 'v1');
  t.deepEqual(await listTrees(root), ['v2']);
  t.is(await activeTree(root, 'active'), 'v2');
  await removeTree(root, 'v2');
  t.is(await activeTree(root, 'active'), undefined);
});

test('a tree is not installed from paths that leave it, or from blobs that are missing or damaged', async (t) => {
  const dir = await temporaryFolder(t);
  const store = await openBlobStore(dir);
  const digest = await store.put(new Uint8Array(100));
  const root = join(dir, 'trees');
  for (const paths of [['../x'], ['/x'], ['a//b'], ['a/./b'], ['a\\b'], [''], ['a', 'a'], ['a', 'a/b']])
    await t.throwsAsync(
      installTree(
        root,
        'bad',
        paths.map((path) => ({ path, digest })),
        store,
      ),
      { code: 'ERR_INVALID_INPUT' },
      paths.join(' '),
    );
  for (const name of ['..', 'a/b', '.staging', ''])
    await t.throwsAsync(installTree(root, name, [], store), { code: 'ERR_INVALID_INPUT' });
  const missing = [{ path: 'a', digest: digestOf('not there') }];
  await t.throwsAsync(installTree(root, 'bad', missing, store), { code: 'ERR_BLOB_NOT_FOUND' });
  const path = await store.path(digest);
  await chmod(path, 0o600);
  await writeFile(path, 'damaged');
  await t.throwsAsync(installTree(root, 'bad', [{ path: 'a', digest }], store), { code: 'ERR_BLOB_CORRUPT' });
  t.deepEqual(await listTrees(root), []);
});

test('a tree in the making is no tree, and the first one of a name stays', async (t) => {
  const root = await temporaryFolder(t);
  const [first, second] = [await beginTree(root), await beginTree(root)];
  await writeFile(join(first, 'x'), 'first');
  await writeFile(join(second, 'x'), 'second');
  t.deepEqual(await listTrees(root), []);
  const tree = await finishTree(root, first, 'v1');
  t.is(await finishTree(root, second, 'v1'), tree);
  t.deepEqual(await listTrees(root), ['v1']);
  t.is(await readFile(join(tree, 'x'), 'utf8'), 'first');
  t.deepEqual(await readdir(join(root, '.staging')), []);
});

test('an active link that leads out of its folder is not followed', async (t) => {
  const root = await temporaryFolder(t);
  await symlink('/', join(root, 'active'));
  await t.throwsAsync(activeTree(root, 'active'), { code: 'ERR_INVALID_INPUT' });
});

test('a layout has the files of an OCI image layout, and tells of changes by others', async (t) => {
  const dir = join(await temporaryFolder(t), 'catalog');
  const [layout, other] = [await openLayout(dir), await openLayout(dir)];
  t.deepEqual(JSON.parse(await readFile(join(dir, 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' });
  t.deepEqual(await layout.index(), { schemaVersion: 2, mediaType: MEDIA.index, manifests: [] });
  const changed = Promise.withResolvers<void>();
  const end = layout.onChange(() => changed.resolve());
  await other.update((index) => ({ ...index, annotations: { a: 'b' } }));
  await changed.promise;
  t.is((await layout.index()).annotations?.a, 'b');
  let count = 0;
  layout.onChange(() => (count += 1));
  await layout.update((index) => ({ ...index, annotations: { a: 'c' } }));
  t.is(count, 1);
  end();
  layout.close();
  other.close();
});

test('a layout whose change fails keeps its index, and goes on', async (t) => {
  const dir = await temporaryFolder(t);
  const layout = await openLayout(dir);
  const problem = new Error('no');
  const failing = layout.update(() => {
    throw problem;
  });
  t.is(await t.throwsAsync(failing), problem);
  const annotations = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, 'x'.repeat(8000)]));
  await t.throwsAsync(
    layout.update((index) => ({ ...index, annotations })),
    { code: 'ERR_MESSAGE_TOO_LARGE' },
  );
  await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      layout.update((index) => ({ ...index, annotations: { ...index.annotations, [`k${i}`]: 'y' } })),
    ),
  );
  t.is(Object.keys((await layout.index()).annotations ?? {}).length, 10);
});

test('a layout of another tool is read, one of another version refused', async (t) => {
  const dir = await temporaryFolder(t);
  await openLayout(dir);
  await writeFile(join(dir, 'index.json'), '{"schemaVersion":2,"manifests":[]}');
  t.deepEqual((await (await openLayout(dir)).index()).manifests, []);
  await writeFile(join(dir, 'index.json'), '{"schemaVersion":2,"manifests":"none"}');
  const broken = await openLayout(dir);
  await t.throwsAsync(broken.index(), { code: 'ERR_INVALID_INPUT' });
  await rm(join(dir, 'index.json'));
  await writeFile(join(dir, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
  await t.throwsAsync(openLayout(dir), { code: 'ERR_INVALID_INPUT' });
});
