import { readFile } from 'node:fs/promises';
import test from 'ava';
import { PAGES } from '../docs/generate.ts';

for (const [file, page] of Object.entries(PAGES))
  test(`${file} is what the code says; node docs/generate.ts writes it anew`, async (t) => {
    t.is(await readFile(new URL(`../${file}`, import.meta.url), 'utf8'), await page());
  });

test('the page about licences names every package that is installed with floormesh', async (t) => {
  const read = (file: string): Promise<string> => readFile(new URL(`../${file}`, import.meta.url), 'utf8');
  const page = await read('docs/licences.md');
  const { dependencies, optionalDependencies } = JSON.parse(await read('package.json')) as Record<
    'dependencies' | 'optionalDependencies',
    Record<string, string>
  >;
  const family = /^@libp2p\//;
  t.regex(page, /libp2p and its modules/);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
    if (!family.test(name)) t.true(page.includes(name), `docs/licences.md does not name ${name}`);
});
