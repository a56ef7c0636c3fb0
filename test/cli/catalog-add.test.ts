import test, { type ExecutionContext } from 'ava';
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Digest, encodingsOf, MEDIA, parseManifest } from '../../core/index.ts';
import { ModelFile, writeModelFile } from '../../gateway/rebuild/onnx/index.ts';
import { openCatalog } from '../../provider-bridge/index.ts';
import { openLayout } from '../../store/index.ts';
import { loadOrCreateKeyPair, verifyRelease } from '../../trust/index.ts';
import { startApiServer } from '../helpers/api-server.ts';
import { runCli } from '../helpers/cli-run.ts';
import { GraphWriter, noise } from '../helpers/onnx-graphs.ts';

const MODEL_CARD = {
  name: 'matrix',
  version: '1.0.0',
  licence: 'MIT',
  weights: 'model.onnx',
  inputs: [{ name: 'x', type: 'float32', shape: [1, 64] }],
  outputs: [{ name: 'y', type: 'float32', shape: [1, 64] }],
  metric: { kind: 'cosine', output: 'y' },
};
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

test('carries only what changed since the version before, also when it is published through a gateway', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const dir = await tempDir(t);
  const key = join(dir, 'publisher.key');
  await loadOrCreateKeyPair(key);
  const weights: Digest[] = [];
  for (const [i, version] of ['1.0.0', '1.1.0', '1.2.0'].entries()) {
    const folder = join(dir, version);
    await mkdir(folder);
    const writer = new GraphWriter();
    const [first, second] = [writer.floats(noise(64 * 1024, 1), [64, 1024]), noise(1024 * 64, i)];
    const hidden = writer.node('MatMul', ['x', first]);
    writer.node('MatMul', [hidden, writer.floats(second, [1024, 64])], {}, 'y');
    const model = writer.model(13, { x: [1, 64] }, { y: [1, 64] });
    await writeFile(join(folder, 'model.onnx'), model);
    await writeFile(join(folder, 'model.yaml'), stringify({ ...MODEL_CARD, version }));
    const { code, message } = await runCli(server, ['catalog', 'add', folder, '--key', key]);
    t.is(code, undefined, message);
    const { release } = server.gateway.published.at(-1)!;
    const { layers } = parseManifest(await server.gateway.blobs.read(release.digest, 1_000_000));
    const layer = layers.find(({ mediaType }) => mediaType === MEDIA.modelWeights)!;
    const against = encodingsOf(layer).filter(({ base }) => base !== undefined);
    t.deepEqual(
      against.map(({ base }) => base),
      i === 1 ? weights : [],
    );
    for (const { digest } of against)
      t.true((await server.gateway.blobs.size(digest)) < model.byteLength * 0.6);
    weights.push(layer.digest);
    // Of the second one the gateway has lost the weights: then there is nothing to hold the third against.
    if (i === 1) await server.gateway.blobs.delete(layer.digest);
  }
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
  const nobody = await runCli(undefined, ['catalog', 'add', APP, '--bridge', dir]);
  t.is(
    nobody.message,
    `${dir} has no publisher.key; a publication must be signed: name the publisher’s key with --key FILE`,
  );
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
  for (const [folder, message] of [
    [dir, /has neither a model\.yaml nor an app\.yaml/],
    [join(dir, 'nowhere'), /^there is no folder .*nowhere$/],
  ] as const) {
    const refused = await runCli(server, ['catalog', 'add', folder, '--key', key]);
    t.is(refused.code, 'ERR_NOTHING_TO_PUBLISH');
    t.regex(refused.message ?? '', message);
  }
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

test('takes weights that lie in a file beside a model into it, and refuses those from outside its folder', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const dir = await tempDir(t);
  const key = join(dir, 'publisher.key');
  await loadOrCreateKeyPair(key);
  const graph = new GraphWriter();
  graph.node('MatMul', ['x', graph.floats(noise(64 * 64, 1), [64, 64])], {}, 'y');
  const bytes = graph.model(13, { x: [1, 64] }, { y: [1, 64] });
  const model = join(dir, 'model');
  await mkdir(model);
  await writeModelFile(ModelFile.open(bytes), join(model, 'model.onnx'), { maxBytes: 1000, beside: true });
  await writeFile(join(model, 'model.yaml'), stringify(MODEL_CARD));
  const { code, message } = await runCli(server, ['catalog', 'add', model, '--key', key]);
  t.is(code, undefined, message);
  const { digest } = server.gateway.published[0]!.release;
  const { layers } = parseManifest(await server.gateway.blobs.read(digest, 1_000_000));
  const weights = layers.find(({ mediaType }) => mediaType === MEDIA.modelWeights)!;
  t.deepEqual(Buffer.from(await server.gateway.blobs.read(weights.digest, 1_000_000)), Buffer.from(bytes));
  await rename(join(model, 'model.onnx.data'), join(dir, 'elsewhere'));
  await symlink(join(dir, 'elsewhere'), join(model, 'model.onnx.data'));
  t.is((await runCli(server, ['catalog', 'add', model, '--key', key])).code, 'ERR_MODEL_EXTERNAL_DATA');
  await rm(join(model, 'model.onnx.data'));
  t.is((await runCli(server, ['catalog', 'add', model, '--key', key])).code, 'ERR_MODEL_EXTERNAL_DATA');
  await writeFile(join(model, 'model.onnx'), 'no model');
  t.is((await runCli(server, ['catalog', 'add', model, '--key', key])).code, 'ERR_MODEL_UNREADABLE');
  t.is(server.gateway.published.length, 1);
});
