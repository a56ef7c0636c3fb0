import test from 'ava';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../core/index.ts';
import { api, readApiFile, writeApiFile } from '../../../gateway/api/index.ts';
import { startApiServer } from '../../helpers/api-server.ts';
import { MemoryGateway } from '../../helpers/memory-gateway.ts';
import { readStream } from '../../helpers/stream-reader.ts';

async function tempDir(): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-api-'));
  return { dir, remove: () => rm(dir, { recursive: true }) };
}

test('says which port is taken', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const port = Number(new URL(server.api.url).port);
  const error = await t.throwsAsync(startApiServer({ port }));
  t.like(error, { code: 'ERR_PORT_IN_USE' });
  t.true(error.message.includes(String(port)));
});

test('ends open streams when it stops, and starts again with the same token', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const { token } = server.api;
  const reader = await readStream(server, 'changes/stream');
  t.is((await reader.next())?.event, 'open');
  await Promise.all([server.api.stop(), server.api.stop()]);
  t.is(await reader.next(), undefined);
  t.throws(() => server.api.url, { instanceOf: TypeError });
  await Promise.all([server.api.start(), server.api.start()]);
  t.is(server.api.token, token);
  t.is((await server.call('/api/v1/site')).status, 200);
});

test('does not start with a token file that holds something else', async (t) => {
  const { dir, remove } = await tempDir();
  t.teardown(remove);
  const tokenFile = join(dir, 'api.token');
  await writeFile(tokenFile, 'changeme\n');
  const server = api({ tokenFile })({ gateway: new MemoryGateway(), log: silentLogger });
  t.like(await t.throwsAsync(server.start()), { code: 'ERR_API_FILE_INVALID' });
  t.is(await readFile(tokenFile, 'utf8'), 'changeme\n');
});

test('the file that tells where the API is can be read by its owner only', async (t) => {
  const { dir, remove } = await tempDir();
  t.teardown(remove);
  const path = join(dir, 'api.json');
  await writeApiFile(path, { url: 'http://127.0.0.1:8470', token: 'secret' });
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.deepEqual(await readApiFile(path), { url: 'http://127.0.0.1:8470', token: 'secret' });
});

test('refuses a file that does not tell where the API is', async (t) => {
  const { dir, remove } = await tempDir();
  t.teardown(remove);
  const path = join(dir, 'api.json');
  t.like(await t.throwsAsync(readApiFile(path)), { code: 'ERR_API_FILE_INVALID' });
  for (const text of ['', '{"url":"', '{}', '{"url":"file:///etc","token":"x"}', 'x'.repeat(10_000)]) {
    await writeFile(path, text);
    t.like(await t.throwsAsync(readApiFile(path)), { code: 'ERR_API_FILE_INVALID' }, text.slice(0, 40));
  }
});
