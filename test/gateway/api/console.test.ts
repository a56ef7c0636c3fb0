import test from 'ava';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startApiServer } from '../../helpers/api-server.ts';

const CONSOLE = join(import.meta.dirname, '../../../console');

test('serves the console with a policy that runs its own files only', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const page = await server.call('/');
  t.is(page.status, 200);
  t.is(page.headers['content-type'], 'text/html; charset=utf-8');
  const policy = String(page.headers['content-security-policy']);
  t.regex(policy, /default-src 'none'/);
  t.regex(policy, /frame-ancestors 'none'/);
  t.notRegex(policy, /unsafe/);
  const html = page.body.toString();
  t.notRegex(html, /<script(?![^>]*\bsrc=)/, 'no inline script');
  t.notRegex(html, /\son[a-z]+=|\sstyle=|<style/, 'no inline handler or style');
});

test('serves everything that the page and its modules name', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  const seen = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const answer = await server.call(path);
    t.is(answer.status, 200, path);
    const text = answer.body.toString();
    const named = [...text.matchAll(/(?:src|href)="([^"]+)"|from '(\.\/[^']+)'/g)];
    for (const [, absolute, relative] of named)
      await visit(new URL(absolute ?? relative ?? '', `http://x${path}`).pathname);
  };
  await visit('/');
  t.deepEqual(
    (await readdir(CONSOLE)).filter((file) => file !== 'index.html').sort(),
    [...seen]
      .filter((path) => path !== '/')
      .map((path) => path.replace('/console/', ''))
      .sort(),
  );
});

test('serves nothing else of its folder', async (t) => {
  const server = await startApiServer();
  t.teardown(server.close);
  for (const path of ['/console/', '/console/../package.json', '/console/%2e%2e/package.json', '/index.html'])
    t.is((await server.call(path)).status, 404, path);
});
