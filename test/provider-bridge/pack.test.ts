import { chmod, mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import {
  ANNOTATION,
  type Descriptor,
  type Digest,
  elementCount,
  encodeSamples,
  encodingsOf,
  float32,
  isDigest,
  type Manifest,
  MAX_MANIFEST_BYTES,
  MEDIA,
  parseAppManifest,
  parseManifest,
  parseModelCard,
  type Tensor,
  type Tensors,
} from '../../core/index.ts';
import { packApp, packModel } from '../../provider-bridge/index.ts';
import { type BlobStore, memoryBlobStore } from '../../store/index.ts';
import { SMALL_MODEL, writeAppFolder, writeFiles, writeModelFolder } from '../helpers/folders.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function readManifest(blobs: BlobStore, digest: Digest): Promise<Manifest> {
  return parseManifest(await blobs.read(digest, MAX_MANIFEST_BYTES));
}

async function readJson(blobs: BlobStore, digest: Digest): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await blobs.read(digest, MAX_MANIFEST_BYTES)));
}

function paths(manifest: Manifest): (string | undefined)[] {
  return manifest.layers.map((layer) => layer.annotations?.[ANNOTATION.path]);
}

function layerAt(manifest: Manifest, path: string): Descriptor {
  const layer = manifest.layers.find((one) => one.annotations?.[ANNOTATION.path] === path);
  if (layer === undefined) throw new TypeError(`no layer ${path}`);
  return layer;
}

test('a model folder becomes a ModelPack manifest of the card and the files that it names', async (t) => {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const blobs = memoryBlobStore();
  const packed = await packModel(dir, blobs);
  t.like(packed, {
    release: { kind: 'model', name: 'label-orientation', version: '1.0.0' },
    mediaType: MEDIA.manifest,
    description: 'Says which way up a label is',
    licence: 'Apache-2.0',
  });
  const manifest = await readManifest(blobs, packed.release.digest);
  t.is(packed.size, (await blobs.read(packed.release.digest, MAX_MANIFEST_BYTES)).byteLength);
  t.is(manifest.artifactType, MEDIA.model);
  const kinds = Object.fromEntries(
    manifest.layers.map((layer) => [
      layer.annotations?.[ANNOTATION.path] ?? layer.mediaType,
      layer.mediaType,
    ]),
  );
  t.deepEqual(kinds, {
    [MEDIA.modelCard]: MEDIA.modelCard,
    'weights/model.onnx': MEDIA.modelWeights,
    'data/calibration.cbor': MEDIA.modelDataset,
    'labels.txt': MEDIA.modelFile,
    LICENSE: MEDIA.modelFile,
    [MEDIA.chunks]: MEDIA.chunks,
    [MEDIA.encoding]: MEDIA.encoding,
  });
  const card = parseModelCard(await readJson(blobs, manifest.layers[0]?.digest ?? packed.release.digest));
  t.is(card.weights, 'weights/model.onnx');
  const weights = layerAt(manifest, 'weights/model.onnx');
  t.deepEqual(Buffer.from(await blobs.read(weights.digest, 2 ** 30)), await readFile(SMALL_MODEL));
  t.deepEqual(await readJson(blobs, manifest.config.digest), {
    descriptor: {
      name: 'label-orientation',
      title: 'label-orientation',
      version: '1.0.0',
      description: 'Says which way up a label is',
      licenses: ['Apache-2.0'],
      sourceURL: 'https://example.org/orientation',
    },
    config: { format: 'onnx' },
    modelfs: { type: 'layers', diffIds: manifest.layers.map(({ digest }) => digest) },
  });
});

test("a metric of the model's own is packed with it, and lacking one is an error", async (t) => {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const card = await readFile(join(dir, 'model.yaml'), 'utf8');
  const own = card.replace('{ kind: top1,', '{ kind: app, module: metric.js,');
  t.not(own, card);
  await writeFiles(dir, { 'model.yaml': own });
  const blobs = memoryBlobStore();
  await t.throwsAsync(packModel(dir, blobs), { message: /metric\.js/ });
  await writeFiles(dir, { 'metric.js': 'export default () => 1;' });
  const packed = await packModel(dir, blobs);
  t.true(paths(await readManifest(blobs, packed.release.digest)).includes('metric.js'));
});

test('samples that the model would not take are told by file, sample and input', async (t) => {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const x = (dims: number[]): Tensor => float32(new Float32Array(elementCount(dims)), dims);
  const pack = async (inputs: Tensors): Promise<unknown> => {
    const good = { inputs: { x: x([1, 3, 4, 4]) } };
    await writeFiles(dir, { 'data/calibration.cbor': encodeSamples({ samples: [good, { inputs }] }) });
    return packModel(dir, memoryBlobStore());
  };
  await t.notThrowsAsync(pack({ x: x([2, 3, 8, 5]) }));
  const code = 'ERR_INVALID_CARD';
  await t.throwsAsync(pack({ x: x([1, 1, 3, 4, 4]) }), {
    code,
    message:
      /calibration\.cbor, sample 1: the input x is \[1, 1, 3, 4, 4\], the card says \[batch, 3, height, width\]/,
  });
  await t.throwsAsync(pack({ x: x([1, 4, 4, 3]) }), { code, message: /\[1, 4, 4, 3\]/ });
  await t.throwsAsync(pack({ y: x([1, 3, 4, 4]) }), { code, message: /the input x is missing/ });
  await t.throwsAsync(pack({ x: { type: 'uint8', dims: [1, 3, 1, 1], data: new Uint8Array(3) } }), {
    code,
    message: /x is uint8, the card says float32/,
  });
  await writeFiles(dir, { 'data/calibration.cbor': 'something else' });
  await t.throwsAsync(packModel(dir, memoryBlobStore()), {
    code,
    message: /calibration\.cbor is no sample set/,
  });
});

test('a file of several chunks goes along with its chunk list and its smaller form', async (t) => {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const blobs = memoryBlobStore();
  const { release } = await packModel(dir, blobs);
  const manifest = await readManifest(blobs, release.digest);
  const lists = manifest.layers.filter(({ mediaType }) => mediaType === MEDIA.chunks);
  const named = manifest.layers.flatMap(({ annotations }) => annotations?.[ANNOTATION.chunks] ?? []);
  const large = manifest.layers.filter(({ size }) => size > 256 * 1024);
  const weights = layerAt(manifest, 'weights/model.onnx');
  const encodings = encodingsOf(weights);
  t.is(encodings.length, 1, 'these weights compress');
  t.deepEqual(
    large.map(({ digest }) => digest),
    [weights.digest, encodings[0]?.digest],
  );
  t.deepEqual(named.sort(), lists.map(({ digest }) => digest).sort());
  t.true(named.every(isDigest));
});

test('what is packed has the same digest wherever and whenever it is packed', async (t) => {
  const digests: Digest[] = [];
  for (const make of [writeModelFolder, writeAppFolder])
    for (let i = 0; i < 2; i += 1) {
      const dir = await temporaryFolder(t);
      await make(dir);
      const pack = make === writeModelFolder ? packModel : packApp;
      digests.push((await pack(dir, memoryBlobStore())).release.digest);
    }
  t.is(digests[0], digests[1]);
  t.is(digests[2], digests[3]);
  t.not(digests[0], digests[2]);
});

test('a model whose weights are cut, padded, or something else is refused', async (t) => {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const file = join(dir, 'weights/model.onnx');
  const whole = await readFile(file);
  const bad: [string, Uint8Array | string][] = [
    ['empty', ''],
    ['text', 'Git LFS pointers are a common accident'],
    ['padded', Buffer.concat([whole, Buffer.from([0xff])])],
    ['zeros', new Uint8Array(5000)],
    ['noise', Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)],
  ];
  for (const [name, bytes] of bad) {
    await writeFile(file, bytes);
    await t.throwsAsync(packModel(dir, memoryBlobStore()), { code: 'ERR_MODEL_UNREADABLE' }, name);
  }
  for (const size of [1, 100, whole.byteLength - 1, whole.byteLength - 5000]) {
    await writeFile(file, whole);
    await truncate(file, size);
    await t.throwsAsync(
      packModel(dir, memoryBlobStore()),
      { code: 'ERR_MODEL_UNREADABLE' },
      `cut at ${size}`,
    );
  }
  await writeFile(file, whole);
  await t.notThrowsAsync(packModel(dir, memoryBlobStore()));
});

test('a model with its weights in another file is refused', async (t) => {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  // ModelProto { ir_version: 8, opset_import: {}, graph: { initializer: { data_location: EXTERNAL } } }
  const external = Uint8Array.of(0x08, 8, 0x42, 0, 0x3a, 4, 0x2a, 2, 0x70, 1);
  const inside = external.with(9, 0);
  await writeFile(join(dir, 'weights/model.onnx'), external);
  const error = await t.throwsAsync(packModel(dir, memoryBlobStore()), { code: 'ERR_MODEL_UNREADABLE' });
  t.regex(error?.message ?? '', /external data/);
  await writeFile(join(dir, 'weights/model.onnx'), inside);
  await t.notThrowsAsync(packModel(dir, memoryBlobStore()));
});

test('a card that is missing, not YAML, too large, or wrong is refused with what is wrong', async (t) => {
  const dir = await temporaryFolder(t);
  await t.throwsAsync(packModel(dir, memoryBlobStore()), { code: 'ERR_PACK_FAILED' });
  await t.throwsAsync(packModel(join(dir, 'none'), memoryBlobStore()), { code: 'ERR_PACK_FAILED' });
  await writeModelFolder(dir);
  const card = await readFile(join(dir, 'model.yaml'), 'utf8');
  const bomb = `a: &a [x]\n${[...'bcdefghij'].map((c, i) => `${c}: &${c} [${`*${'abcdefghij'[i]},`.repeat(9)}]`).join('\n')}`;
  const bad: [string, RegExp, string][] = [
    ['name: [', /model\.yaml/, 'ERR_INVALID_CARD'],
    [`${card}unknown: 1\n`, /unknown/, 'ERR_INVALID_CARD'],
    [card.replace('1.0.0', 'one'), /version/, 'ERR_INVALID_CARD'],
    [bomb, /alias/i, 'ERR_INVALID_CARD'],
    [`# ${'x'.repeat(300_000)}\n${card}`, /model\.yaml/, 'ERR_PACK_FAILED'],
    [card.replace('labels.txt', 'missing.txt'), /missing\.txt/, 'ERR_PACK_FAILED'],
  ];
  for (const [text, message, code] of bad) {
    await writeFile(join(dir, 'model.yaml'), text);
    await t.throwsAsync(packModel(dir, memoryBlobStore()), { code, message });
  }
});

test('an app folder becomes its manifest and its files, without what is hidden', async (t) => {
  const dir = await temporaryFolder(t);
  await writeAppFolder(dir);
  await writeFiles(dir, {
    '.git/config': 'x',
    '.DS_Store': 'x',
    'lib/.cache': 'x',
    'tools/run.sh': '#!/bin/sh\n',
  });
  await chmod(join(dir, 'tools/run.sh'), 0o755);
  const blobs = memoryBlobStore();
  const packed = await packApp(dir, blobs);
  const manifest = await readManifest(blobs, packed.release.digest);
  t.is(manifest.artifactType, MEDIA.app);
  t.deepEqual(paths(manifest), ['app.ts', 'lib/turn.ts', 'tools/run.sh']);
  t.is(layerAt(manifest, 'tools/run.sh').annotations?.[ANNOTATION.mode], '0755');
  t.is(layerAt(manifest, 'app.ts').annotations?.[ANNOTATION.mode], undefined);
  t.is(manifest.config.mediaType, MEDIA.appConfig);
  const app = parseAppManifest(await readJson(blobs, manifest.config.digest));
  t.is(app.main, 'app.ts');
  const sizes = [packed.size, manifest.config.size, ...manifest.layers.map(({ size }) => size)];
  t.is(
    packed.contentSize,
    sizes.reduce((total, size) => total + size, 0),
  );
});

test('links inside an app folder count as the file, links out of it are refused', async (t) => {
  const outside = await temporaryFolder(t);
  await writeFile(join(outside, 'secret'), 'of the machine that packs');
  const dir = await temporaryFolder(t);
  await writeAppFolder(dir);
  await symlink('lib/turn.ts', join(dir, 'inside.ts'));
  const blobs = memoryBlobStore();
  const manifest = await readManifest(blobs, (await packApp(dir, blobs)).release.digest);
  t.is(layerAt(manifest, 'inside.ts').digest, layerAt(manifest, 'lib/turn.ts').digest);
  for (const target of [join(outside, 'secret'), outside, join(dir, 'none'), 'lib']) {
    const place = await temporaryFolder(t);
    await writeAppFolder(place);
    await symlink(target, join(place, 'link'));
    await t.throwsAsync(packApp(place, memoryBlobStore()), { code: 'ERR_PACK_FAILED' }, target);
  }
});

test('an app whose main module is missing, or whose files have strange names, is refused', async (t) => {
  const dir = await temporaryFolder(t);
  await writeAppFolder(dir, '1.0.0', 'other.ts');
  await t.throwsAsync(packApp(dir, memoryBlobStore()), { code: 'ERR_PACK_FAILED', message: /other\.ts/ });
  await writeAppFolder(dir);
  await mkdir(join(dir, 'a\nb'));
  await writeFile(join(dir, 'a\nb', 'x'), '');
  await t.throwsAsync(packApp(dir, memoryBlobStore()), { code: 'ERR_PACK_FAILED', message: /plain/ });
});

test('packing can be aborted', async (t) => {
  const dir = await temporaryFolder(t);
  await writeModelFolder(dir);
  const packing = packModel(dir, memoryBlobStore(), { signal: AbortSignal.abort() });
  await t.throwsAsync(packing, { name: 'AbortError' });
});
