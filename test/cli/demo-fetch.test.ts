import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { fetchNode } from '../../cli/demo/fetch-node.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const NAME = 'node-of-another-cpu';

/** A package as those that bring Node binaries are. */
async function packageIn(folder: string): Promise<string> {
  const from = join(folder, 'source');
  await mkdir(join(from, 'bin'), { recursive: true });
  await writeFile(join(from, 'package.json'), JSON.stringify({ name: NAME, version: '24.0.0' }));
  await writeFile(join(from, 'bin', 'node'), '#!/bin/sh\n', { mode: 0o755 });
  return from;
}

test('runs that fetch the same Node into the same folder at the same time all get it whole', async (t) => {
  const folder = await temporaryFolder(t);
  const spec = await packageIn(folder);
  const dir = join(folder, 'demo');
  await mkdir(dir);
  const binaries = await Promise.all([1, 2, 3].map(() => fetchNode(dir, NAME, spec)));
  for (const binary of binaries) t.is(await readFile(binary, 'utf8'), '#!/bin/sh\n');
  t.deepEqual(await readdir(dir), [NAME]);
});

test('a Node that is there already is not fetched again, and one that cannot be fetched leaves nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const first = await fetchNode(folder, NAME, await packageIn(folder));
  t.is(await fetchNode(folder, NAME, join(folder, 'nothing')), first);
  const dir = join(folder, 'other');
  await mkdir(dir);
  await t.throwsAsync(fetchNode(dir, NAME, join(folder, 'nothing')));
  t.deepEqual(await readdir(dir), []);
});
