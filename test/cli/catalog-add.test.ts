import test, { type ExecutionContext } from 'ava';
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifest } from '../../core/index.ts';
import { openCatalog } from '../../provider-bridge/index.ts';
import { openLayout } from '../../store/index.ts';
import { loadOrCreateKeyPair, verifyRelease } from '../../trust/index.ts';
import { startApiServer } from '../helpers/api-server.ts';
import { runCli } from '../helpers/cli-run.ts';

const APP = join(import.meta.dirname, '../../apps/label-reader');

async function tempDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-cli-'));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
}

test('packs and signs an app, and hands it to the gateway with all its content', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const key = join(await tempDir(t), 'publisher.key');
  const { publicKey } = await loadOrCreateKeyPair(key);
  const { out, code, message } = await runCli(server, ['catalog', 'add', APP, '--key', key]);
  t.is(code, undefined, message);
  t.regex(out, /^published app label-reader \d+\.\d+\.\d+, /);
  const [published] = server.gateway.published;
  if (published === undefined) throw new Error('nothing was published');
  t.notThrows(() => verifyRelease(published.release, published.signature, [publicKey]));
  const manifest = parseManifest(await server.gateway.blobs.read(published.release.digest, 1_000_000));
  for (const { digest } of [manifest.config, ...manifest.layers])
    t.true(await server.gateway.hasBlob(digest));
});

test('puts an app straight into the catalog of a bridge', async (t) => {
  const bridge = await tempDir(t);
  const { publicKey } = await loadOrCreateKeyPair(join(bridge, 'publisher.key'));
  const run = await runCli(undefined, ['catalog', 'add', APP, '--bridge', bridge, '--json']);
  t.is(run.code, undefined, run.message);
  t.like(JSON.parse(run.out), { release: { kind: 'app', name: 'label-reader' } });
  const layout = await openLayout(join(bridge, 'catalog'));
  t.teardown(() => layout.close());
  const { entries } = await (await openCatalog(layout, { publishers: [publicKey] })).listing();
  t.deepEqual(
    entries.map(({ name }) => name),
    ['label-reader'],
  );
});

test('publishes nothing without a key, or with one that is none', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const dir = await tempDir(t);
  t.is((await runCli(server, ['catalog', 'add', APP])).code, 'ERR_USAGE');
  const bad = join(dir, 'bad.key');
  await writeFile(bad, 'not a key');
  t.is((await runCli(server, ['catalog', 'add', APP, '--key', bad])).code, 'ERR_KEY_INVALID');
  t.is(await readFile(bad, 'utf8'), 'not a key');
  t.deepEqual(server.gateway.published, []);
});

test('publishes nothing from a folder that holds neither app nor model, or a broken one', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const dir = await tempDir(t);
  const key = join(await tempDir(t), 'publisher.key');
  await loadOrCreateKeyPair(key);
  t.is((await runCli(server, ['catalog', 'add', dir, '--key', key])).code, 'ERR_NOTHING_TO_PUBLISH');
  const broken = join(dir, 'broken');
  await cp(APP, broken, { recursive: true });
  await truncate(join(broken, 'app.yaml'), 20);
  const { code } = await runCli(server, ['catalog', 'add', broken, '--key', key]);
  t.regex(code ?? '', /^ERR_(INVALID_CARD|PACK_FAILED)$/);
  t.deepEqual(server.gateway.published, []);
});

test('publishes nothing with a wrong token', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const key = join(await tempDir(t), 'publisher.key');
  await loadOrCreateKeyPair(key);
  const env = { FLOORMESH_TOKEN: 'wrong' };
  t.is((await runCli(server, ['catalog', 'add', APP, '--key', key], { env })).code, 'ERR_UNAUTHORIZED');
  t.deepEqual(server.gateway.published, []);
});
