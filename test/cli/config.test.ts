import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigInvalidError, ConfigNotFoundError } from '../../cli/config/errors.ts';
import { loadConfig, parseConfig } from '../../cli/config/load.ts';
import { writeConfig } from '../../cli/init/write-config.ts';

const GATEWAY = 'role: gateway\nname: plant\n';
const parse = (text: string, env: NodeJS.ProcessEnv = {}) => parseConfig(text, 'f.yaml', env);

test('a gateway needs no more than its name; everything else has a default', (t) => {
  const config = parse(GATEWAY);
  t.like(config, { role: 'gateway', name: 'plant', mdns: true, api: { host: '127.0.0.1', port: 8470 } });
});

test('an unknown key is an error that names the nearest known one', (t) => {
  t.throws(() => parse(`${GATEWAY}publisher: []\n`), {
    instanceOf: ConfigInvalidError,
    message: /publisher is not a key; did you mean publishers\?/,
  });
  t.throws(() => parse(`${GATEWAY}api:\n  prot: 1\n`), {
    instanceOf: ConfigInvalidError,
    message: /api\.prot is not a key; did you mean port\?/,
  });
});

test('a wrong value is an error that names the key', (t) => {
  t.throws(() => parse(`${GATEWAY}api:\n  port: 99999\n`), {
    instanceOf: ConfigInvalidError,
    message: /api\.port/,
  });
  t.throws(() => parse('role: robot\n'), { instanceOf: ConfigInvalidError, message: /role must be/ });
  t.throws(() => parse('role: [\n'), { instanceOf: ConfigInvalidError });
});

test('environment variables are put in, and a missing one is an error', (t) => {
  t.is(parse('role: gateway\nname: ${SITE}\n', { SITE: 'plant-7' }).name, 'plant-7');
  t.throws(() => parse('role: gateway\nname: ${SITE}\n'), {
    instanceOf: ConfigInvalidError,
    message: /no SITE/,
  });
});

test('memory is given in MiB or GiB', (t) => {
  const node = (memory: string) =>
    parse(
      `role: node\nname: n\nsite: s\ngateway: 12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA\nmemory: ${memory}\n`,
    );
  t.like(node('2GiB'), { memory: 2048 });
  t.like(node('512'), { memory: 512 });
  t.throws(() => node('lots'), { instanceOf: ConfigInvalidError });
});

test('a written configuration is read back, and one of another role is refused', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-config-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await t.throwsAsync(loadConfig('gateway', dir, {}), { instanceOf: ConfigNotFoundError });
  await writeConfig(dir, { role: 'gateway', name: 'plant', bridge: undefined });
  t.like(await loadConfig('gateway', dir, {}), { dir, config: { name: 'plant' } });
  await t.throwsAsync(loadConfig('node', dir, {}), { instanceOf: ConfigInvalidError });
});

test('an invalid configuration is not written', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-config-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await t.throwsAsync(writeConfig(dir, { role: 'gateway', name: 'No Spaces' }), {
    instanceOf: ConfigInvalidError,
  });
  await t.throwsAsync(readFile(join(dir, 'floormesh.yaml')));
  await writeFile(join(dir, 'x.yaml'), 'a');
});
