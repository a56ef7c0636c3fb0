import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

/** Every page for people, by its path. */
async function pages(): Promise<Map<string, string>> {
  const files = (await readdir(join(ROOT, 'docs'), { recursive: true })).filter((file) =>
    file.endsWith('.md'),
  );
  const paths = ['README.md', 'CHANGELOG.md', ...files.map((file) => join('docs', file))];
  return new Map(await Promise.all(paths.map(async (path) => [path, (await read(path)) ?? ''] as const)));
}

test('every error code that a page names is in docs/errors.md', async (t) => {
  const known = (await read('docs/errors.md')) ?? '';
  for (const [page, text] of await pages())
    for (const [code] of text.matchAll(/\bERR_[A-Z_]+[A-Z]\b/g))
      if (!['ERR_CODE'].includes(code))
        t.true(known.includes(`## ${code}\n`), `${page}: there is no ${code}`);
});

test('every link of a page leads to something that is there', async (t) => {
  for (const [page, text] of await pages())
    for (const [, link = ''] of text.matchAll(/\]\(((?!https?:|#)[^)\s#]+)[^)]*\)/g)) {
      const target = await stat(join(ROOT, dirname(page), link)).catch(() => undefined);
      t.not(target, undefined, `${page}: ${link} leads nowhere`);
    }
});
