import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { writeTemplateModel } from '../../apps/make/models/lamp.ts';
import { floormeshHere as floormesh } from '../helpers/cli-run.ts';
import { type Ended, start } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = join(ROOT, 'node_modules/.bin');

interface Handled {
  input: string;
  result?: { lamp: string; score: number };
  error?: { code: string; message: string };
  actions: { name: string; message: string; attachment?: { contentType: string } }[];
  published: { topic: string; value: unknown }[];
  captured: { why: string; model?: string }[];
}

async function newApp(t: ExecutionContext): Promise<string> {
  const dir = join(await temporaryFolder(t), 'press-lamp');
  const { code, err } = await floormesh(['init', 'app', dir]);
  t.is(code, 0, err);
  return dir;
}

const linesOf = ({ out }: Ended): Handled[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Handled);

async function replace(file: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(from, to));
}

test('a new app runs at once, and tells what it did', async (t) => {
  const dir = await newApp(t);
  const ended = await floormesh(['app', 'run', dir, '--input', join(dir, 'samples'), '--json']);
  t.is(ended.code, 0, ended.err);
  const handled = linesOf(ended);
  t.deepEqual(
    handled.map(({ result }) => result?.lamp),
    ['off', 'red', 'yellow', 'green'],
  );
  t.like(handled[1]?.actions[0], { name: 'alarm', attachment: { contentType: 'image/jpeg' } });
  t.deepEqual(handled[1]?.published, [{ topic: 'lamps', value: { lamp: 'red' } }]);
  t.true(handled.every(({ captured }) => captured.length === 0));

  const state = ['--state', join(dir, '.state')];
  const red = ['app', 'run', dir, '--input', join(dir, 'samples/2-red.png'), '--json', ...state];
  const [first] = linesOf(await floormesh([...red, '--set', 'minScore=1.1']));
  t.is(first?.actions.length, 1);
  t.like(first?.captured[0], { model: 'lamp' });
  const [second] = linesOf(await floormesh([...red, '--runtime', 'onnxruntime-web']));
  t.is(second?.actions.length, 0, 'its state knows that the lamp was red before');

  const again = await floormesh(['init', 'app', dir]);
  t.is(again.code, 1);
  t.regex(again.err, /ERR_ALREADY_EXISTS/);
});

test('what an app does wrong is told by its event, with a code, and fails the run', async (t) => {
  const dir = await newApp(t);
  await writeFile(join(dir, 'samples/0-broken.png'), 'no picture');
  await replace(join(dir, 'app.ts'), "context.act('alarm'", "context.act('siren'");
  const ended = await floormesh(['app', 'run', dir, '--input', join(dir, 'samples'), '--json']);
  t.is(ended.code, 1);
  t.regex(ended.err, /ERR_APP_CHECK.*2 of 5 events failed/);
  t.deepEqual(
    linesOf(ended).map(({ error }) => error?.code),
    ['ERR_PICTURE_INVALID', undefined, 'ERR_RESOURCE_NOT_GRANTED', undefined, undefined],
  );
  const text = await floormesh(['app', 'run', dir, '--input', join(dir, 'samples/4-green.png')]);
  t.regex(text.out, /published lamps: \{"lamp":"green"\}/);
  t.regex(text.err, /1 events, 0 failed; sandbox: /);
  for (const [args, message] of [
    [['--input', join(dir, 'nothing')], /ERR_USAGE: there is no file or folder/],
    [['--input', dir, '--set', 'size=3'], /ERR_USAGE: the app has no setting size, only minScore/],
    [['--input', dir, '--variant', 'tiny'], /ERR_APP_PROJECT: there is no variant tiny, only standard/],
    [['--input', dir, '--model', 'lamp=/none'], /ERR_APP_PROJECT: there is no model lamp/],
    [['--input', dir, '--set', 'minScore=true'], /ERR_APP_FAILED: setup: minScore must be a number/],
  ] as const)
    t.regex((await floormesh(['app', 'run', dir, ...args])).err, message);
});

test('an app gets of this machine what it is granted, and nothing else', async (t) => {
  const dir = await newApp(t);
  const patterns = await temporaryFolder(t);
  const archive = await temporaryFolder(t);
  await writeFile(join(patterns, 'limit.txt'), '7');
  await replace(
    join(dir, 'app.yaml'),
    'events: [picture]',
    `events: [picture]
resources:
  patterns: { type: folder }
  archive: { type: folder, write: true }
  chip: { type: device, optional: true }
  belt: { type: topic }`,
  );
  await writeFile(
    join(dir, 'app.ts'),
    `import { readFile, writeFile } from 'node:fs/promises';
import { defineApp } from 'floormesh/app';
export default defineApp({
  on: {
    picture: async (event, context) => {
      const [from = ''] = context.resource('patterns')?.paths ?? [];
      const [to = ''] = context.resource('archive')?.paths ?? [];
      await writeFile(\`\${to}/\${event.name}.txt\`, 'seen');
      const denied = await writeFile(\`\${from}/x\`, '').then(() => 'written', () => 'denied');
      const outside = await readFile('/etc/hostname').then(() => 'read', () => 'denied');
      return { limit: await readFile(\`\${from}/limit.txt\`, 'utf8'), denied, outside, chip: context.resource('chip') ?? 'none' };
    },
  },
});
`,
  );
  const run = (...grants: string[]): Promise<Ended> =>
    floormesh([
      ...['app', 'run', dir, '--input', join(dir, 'samples/2-red.png'), '--json'],
      ...grants.flatMap((grant) => ['--grant', grant]),
    ]);
  const right = [`patterns=${patterns}`, `archive=${archive}`];
  const ended = await run(...right);
  t.is(ended.code, 0, ended.err);
  t.deepEqual(linesOf(ended)[0]?.result as unknown, {
    limit: '7',
    denied: 'denied',
    outside: 'denied',
    chip: 'none',
  });
  t.deepEqual(await readdir(archive), ['2-red.png.txt']);
  const missing = /ERR_RESOURCE_NOT_GRANTED.*the folder archive has not been granted: --grant archive=PATH/;
  t.regex((await run(`patterns=${patterns}`)).err, missing);
  t.regex((await floormesh(['app', 'check', dir])).err, /the folder patterns has not been granted/);
  t.is((await floormesh(['app', 'check', dir, ...right.flatMap((one) => ['--grant', one])])).code, 0);
  for (const [grant, message] of [
    [
      'scale=/dev/null',
      /ERR_RESOURCE_NOT_GRANTED.*app\.yaml needs no resource scale, only patterns, archive/,
    ],
    ['patterns=/none', /ERR_RESOURCE_NOT_GRANTED.*patterns: there is no \/none/],
    ['chip=/tmp', /ERR_RESOURCE_NOT_GRANTED.*chip: \/tmp is no device file/],
    ['patterns', /ERR_USAGE.*--grant takes KEY=VALUE/],
  ] as const)
    t.regex((await run(...right.slice(1), grant)).err, message);
  const device = await run(...right, 'chip=/dev/null');
  t.deepEqual((linesOf(device)[0]?.result as unknown as { chip: object }).chip, {
    type: 'device',
    paths: ['/dev/null'],
  });
});

test('a check finds what would fail on a node: a wrong card, a bad model, code that is no app', async (t) => {
  const dir = await newApp(t);
  const check = (): Promise<Ended> => floormesh(['app', 'check', dir]);
  const card = join(dir, 'models/lamp/model.yaml');
  const whole = await readFile(card, 'utf8');
  t.is((await check()).code, 0);

  await writeFile(card, whole.replace(/16\n(\s+)- 16/, '16\n$1- 32'));
  t.regex(
    (await check()).err,
    /input of the model lamp picture is \[1, 3, 16, 16\], its card says \[1, 3, 16, 32\]/,
  );
  await writeFile(card, whole.replace('name: scores', 'name: probabilities'));
  t.regex((await check()).err, /no output of the model lamp probabilities, only scores/);
  await writeFile(card, whole.replace('name: picture\n', 'name: picture\n    colour: red\n'));
  t.regex((await check()).err, /ERR_INVALID_CARD/);
  await writeFile(card, whole);

  await cp(join(dir, 'models/lamp/model.onnx'), join(dir, 'kept.onnx'));
  await writeFile(join(dir, 'models/lamp/model.onnx'), 'no model');
  t.regex((await check()).err, /ERR_APP_CHECK.*ERR_MODEL_NOT_ONNX: the model lamp/);
  await cp(join(dir, 'kept.onnx'), join(dir, 'models/lamp/model.onnx'));

  const code = await readFile(join(dir, 'app.ts'), 'utf8');
  await writeFile(join(dir, 'app.ts'), `import 'zod';\n${code}`);
  t.regex((await check()).err, /ERR_APP_INVALID: .*zod/);
  await writeFile(join(dir, 'app.ts'), code.replace('picture: async', 'sound: async'));
  t.regex((await check()).err, /ERR_APP_INVALID: .*no function for the event picture/);
  await writeFile(join(dir, 'app.ts'), code);
  await replace(join(dir, 'models.d.ts'), 'float32', 'uint8');
  t.regex((await check()).out, /warning: models\.d\.ts is not what the cards say/);
  await replace(join(dir, 'app.yaml'), 'events: [picture]', 'events: [picture]\nevnts: [sound]');
  t.regex((await check()).err, /ERR_INVALID_CARD.*evnts/);
  await rm(join(dir, 'app.yaml'));
  t.regex((await check()).err, /ERR_APP_PROJECT: there is no .*app\.yaml/);
});

test('an app is packed with its models into a catalog, without what it leaves out', async (t) => {
  const dir = await newApp(t);
  const bridge = join(dirname(dir), 'bridge');
  t.is((await floormesh(['init', 'bridge', bridge, '--no-runtimes'])).code, 0);
  await mkdir(join(dir, 'node_modules/left'), { recursive: true });
  await writeFile(join(dir, 'node_modules/left/index.js'), '');
  const packed = await floormesh(['app', 'pack', dir, '--bridge', bridge, '--with-models']);
  t.is(packed.code, 0, packed.err);
  t.regex(packed.out, /published model signal-lamp 1\.0\.0.*\n.*\npublished app press-lamp 1\.0\.0/);
  const blobs = join(bridge, 'catalog/blobs/sha256');
  const titles = (
    await Promise.all((await readdir(blobs)).map((name) => readFile(join(blobs, name), 'utf8')))
  ).flatMap((text) =>
    [...text.matchAll(/"org\.opencontainers\.image\.title":"([^"]+)"/g)].map(([, path]) => path),
  );
  t.true(titles.includes('app.ts'));
  t.false(titles.some((path) => /node_modules|package\.json|samples|models\.d\.ts/.test(path ?? '')));
});

test('the template’s model and pictures are what its script makes', async (t) => {
  const made = await temporaryFolder(t);
  await writeTemplateModel(made);
  const files = (await readdir(made, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  t.is(files.length, 8);
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name);
    const kept = join(ROOT, 'apps/template', file.slice(made.length));
    if (name.endsWith('.yaml'))
      t.deepEqual(parse(await readFile(kept, 'utf8')), parse(await readFile(file, 'utf8')));
    else t.true((await readFile(file)).equals(await readFile(kept)), kept);
  }
});

test('an app outside of the repository, with floormesh from its tarball, has its types and runs', async (t) => {
  const dir = await newApp(t);
  const installed = await installTarball(join(dir, 'node_modules'), await temporaryFolder(t));
  const tsc = (): Promise<Ended> => start([process.execPath, join(BIN, 'tsc'), '-p', dir]).ended;
  const right = await tsc();
  t.is(right.out, '');
  t.is(right.code, 0);
  await replace(join(dir, 'app.ts'), "infer('lamp', { picture })", "infer('lamp', { image: picture })");
  await replace(join(dir, 'app.ts'), 'event.input, side', 'event.inputs, side');
  const wrong = await tsc();
  t.not(wrong.code, 0);
  t.regex(wrong.out, /app\.ts\(\d+,\d+\): error TS2353: .*'image' does not exist/);
  t.regex(
    wrong.out,
    /'inputs' does not exist on type 'DecodedEvent<Picture>'|Property 'inputs' does not exist/,
  );
  await replace(join(dir, 'app.ts'), 'image: picture', 'picture');
  await replace(join(dir, 'app.ts'), 'event.inputs', 'event.input');
  const run = ['app', 'run', dir, '--input', join(dir, 'samples/2-red.png'), '--json'];
  const ended = await start([process.execPath, join(installed, 'cli/bin.mjs'), ...run]).ended;
  t.is(ended.code, 0, ended.err);
  t.is(linesOf(ended)[0]?.result?.lamp, 'red');
});

/** Packs floormesh as it would be published, and unpacks it where npm would. What it depends on is linked. */
async function installTarball(modules: string, scratch: string): Promise<string> {
  const build = [
    join(BIN, 'tsc'),
    '-p',
    join(ROOT, 'tsconfig.build.json'),
    '--noCheck',
    '--outDir',
    join(scratch, 'dist'),
  ];
  succeeded(await start([process.execPath, ...build]).ended);
  for (const path of [
    'package.json',
    'README.md',
    'LICENSE',
    'cli/bin.mjs',
    'apps',
    'console',
    'CHANGELOG.md',
  ])
    await cp(join(ROOT, path), join(scratch, path), { recursive: true });
  succeeded(await start(['npm', 'pack', '--ignore-scripts', '--silent'], { cwd: scratch }).ended);
  const tarball = (await readdir(scratch)).find((name) => name.endsWith('.tgz')) ?? '';
  const installed = join(modules, 'floormesh');
  await mkdir(installed, { recursive: true });
  succeeded(
    await start(['tar', 'xzf', join(scratch, tarball), '-C', installed, '--strip-components=1']).ended,
  );
  await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  await symlink(join(ROOT, 'node_modules/@types'), join(modules, '@types'));
  return installed;
}

function succeeded({ code, out, err }: Ended): void {
  if (code !== 0) throw new Error(`${out}\n${err}`);
}
