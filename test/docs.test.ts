import { readFile } from 'node:fs/promises';
import test from 'ava';
import { PAGES } from '../docs/generate.ts';

for (const [file, page] of Object.entries(PAGES))
  test(`${file} is what the code says; node docs/generate.ts writes it anew`, async (t) => {
    t.is(await readFile(new URL(`../${file}`, import.meta.url), 'utf8'), await page());
  });
