import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '..');
const PAGES = ['docs/flow.md', 'docs/architecture.md'];

/** "`fn` in `path`": a function, a class, or `Class.method`. */
const CLAIM = /`([A-Za-z]+(?:\.[A-Za-z]+)?)`\s+in\s+`([\w./-]+\.(?:ts|js))`/g;
const PATH = /`([\w./-]+\/[\w.-]+\.(?:ts|js))`/g;

/** A function, a constant, a class, or a method of one. Names are plain letters. */
function defines(source: string, name: string): boolean {
  const declared = new RegExp(`\\b(?:function\\*?|class|const)\\s+${name}\\b`);
  const method = new RegExp(`^ {2}(?:async )?${name}(?:<[^(]*>)?\\((?:.*[({])?$`, 'm');
  return declared.test(source) || method.test(source);
}

const read = (path: string): Promise<string | undefined> =>
  readFile(join(ROOT, path), 'utf8').catch(() => undefined);

test('the flow names functions that are where it says', async (t) => {
  const page = (await read('docs/flow.md')) ?? '';
  const claims = [...page.matchAll(CLAIM)].map(([, name = '', path = '']) => ({ name, path }));
  t.true(claims.length > 60, `only ${claims.length} functions are named`);
  for (const { name, path } of claims) {
    const source = await read(path);
    if (source === undefined) t.fail(`docs/flow.md: there is no ${path}`);
    else
      for (const part of name.split('.'))
        t.true(defines(source, part), `docs/flow.md: no ${part} in ${path}`);
  }
});

for (const page of PAGES)
  test(`every source file that ${page} names is there`, async (t) => {
    const paths = new Set([...((await read(page)) ?? '').matchAll(PATH)].map(([, path = '']) => path));
    t.true(paths.size > 0);
    for (const path of paths) t.not(await read(path), undefined, `${page}: there is no ${path}`);
  });
