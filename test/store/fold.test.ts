import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { OCR_FILE, readOcrFile } from '../../apps/make/models/ocr-files.ts';
import { hexOf } from '../../core/index.ts';
import { choosePrunable, openBlobStore } from '../../store/index.ts';
import { withOtherTensor } from '../helpers/model-versions.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** Bytes that a folder takes on its disk. */
async function diskUse(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true });
  const sizes = await Promise.all(entries.map(async (entry) => (await stat(join(dir, entry))).blocks * 512));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('a version that is folded onto the next one takes little room, is read exactly, and is a file again', async (t) => {
  const dir = await temporaryFolder(t);
  const store = await openBlobStore(dir);
  const newer = await readOcrFile(OCR_FILE.recogniser);
  const { model: older } = withOtherTensor(newer, 200_000);
  const [old, base] = [await store.put(older), await store.put(newer)];
  t.true(await store.fold(old, base));
  t.deepEqual(await readdir(join(dir, 'blobs/sha256')), [hexOf(base)]);
  const use = await diskUse(dir);
  t.log(`${(use / newer.byteLength).toFixed(3)} times one version on disk`);
  t.true(use < newer.byteLength * 1.3);
  const another = await openBlobStore(dir);
  for (const one of [store, another]) {
    t.true(Buffer.from(await one.read(old, older.byteLength)).equals(older));
    const part = await one.readRange(old, 5_000_001, 300_000);
    t.true(Buffer.from(part).equals(older.subarray(5_000_001, 5_300_001)));
    await t.notThrowsAsync(one.verify(old));
  }
  t.true(Buffer.from(await store.useFile(old, (path) => readFile(path))).equals(older));
  t.deepEqual(await readdir(join(dir, 'folded')), []);
});

test('what goes is counted by what it takes on disk, folded or not', async (t) => {
  const dir = await temporaryFolder(t);
  const store = await openBlobStore(dir);
  const newer = await readOcrFile(OCR_FILE.detector);
  const { model: older } = withOtherTensor(newer, 50_000);
  const [old, base] = [await store.put(older), await store.put(newer)];
  t.true(await store.fold(old, base));
  const { size: folded } = await stat(join(dir, 'folded', hexOf(old)));
  t.true(folded < older.byteLength / 2);
  const options = { unusedForMs: 0, now: Date.now() + 60_000, signal: new AbortController().signal };
  const all = await choosePrunable(store, { ...options, kept: new Set() });
  t.deepEqual(
    new Map(all.gone),
    new Map([
      [old, folded],
      [base, newer.byteLength],
    ]),
  );
  const needed = await choosePrunable(store, { ...options, kept: new Set([old, base]) });
  t.deepEqual(needed.needed, { blobs: 2, bytes: folded + newer.byteLength });
  // What may stay has room for both only where the folded one counts as what it takes.
  const keepBytes = newer.byteLength + folded;
  t.is((await choosePrunable(store, { ...options, kept: new Set(), keepBytes })).gone.size, 0);
});

test('what a kill leaves of a fold is one of both forms, and whole', async (t) => {
  const dir = await temporaryFolder(t);
  const store = await openBlobStore(dir);
  const newer = await readOcrFile(OCR_FILE.detector);
  const { model: older } = withOtherTensor(newer, 50_000);
  const [old, base] = [await store.put(older), await store.put(newer)];
  const file = join(dir, 'blobs/sha256', hexOf(old));
  await mkdir(join(dir, 'aside'));
  await copyFile(file, join(dir, 'aside/file'));
  t.true(await store.fold(old, base));
  // Killed between the folded form and the removal of the file: both are there.
  await copyFile(join(dir, 'aside/file'), file);
  const after = await openBlobStore(dir);
  t.deepEqual(await readdir(join(dir, 'folded')), []);
  t.true(Buffer.from(await after.read(old, older.byteLength)).equals(older));
  // A folded form that the disk cut off counts as none, and the blob can come again.
  t.true(await after.fold(old, base));
  const folded = join(dir, 'folded', hexOf(old));
  const bytes = await readFile(folded);
  await store.delete(old);
  await writeFile(folded, bytes.subarray(0, bytes.byteLength - 100));
  const broken = await openBlobStore(dir);
  t.false(await broken.has(old));
  t.is(await broken.put(older), old);
  t.true(Buffer.from(await broken.read(old, older.byteLength)).equals(older));
});
