import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Rooms and the rooms that they may open the door of (docs/architecture.md). */
const MAY_IMPORT: Record<string, string[]> = {
  core: [],
  store: ['core'],
  trust: ['core', 'store'],
  mesh: ['core', 'store', 'trust'],
  inference: ['core'],
  'provider-bridge': ['core', 'store', 'trust', 'mesh', 'inference'],
  gateway: ['core', 'store', 'trust', 'mesh', 'inference'],
  node: ['core', 'store', 'trust', 'mesh', 'inference'],
};

async function sources(room: string): Promise<string[]> {
  const files = await readdir(join(ROOT, room), { recursive: true });
  return files.filter((file) => file.endsWith('.ts')).map((file) => join(room, file));
}

async function importsOf(file: string): Promise<string[]> {
  const text = await readFile(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
}

for (const [room, allowed] of Object.entries(MAY_IMPORT))
  test(`${room} imports only the rooms that it may, and only by their door`, async (t) => {
    const files = await sources(room);
    t.true(files.length > 0);
    for (const file of files)
      for (const specifier of await importsOf(file)) {
        const target = join(file, '..', specifier);
        const [other = '', ...rest] = target.split('/');
        if (other === room) continue;
        t.true(allowed.includes(other), `${file} imports ${target}`);
        t.is(rest.join('/'), 'index.ts', `${file} passes by the door of ${other}`);
      }
  });

test('only mesh imports libp2p, and only inference imports a runtime', async (t) => {
  for (const room of [...Object.keys(MAY_IMPORT), 'cli'])
    for (const file of await sources(room)) {
      const text = await readFile(join(ROOT, file), 'utf8');
      if (room !== 'mesh') t.notRegex(text, /from '(?:@libp2p\/|libp2p)/, file);
      if (room !== 'inference') t.notRegex(text, /from 'onnxruntime/, file);
    }
});

test('no file has more than 400 lines', async (t) => {
  for (const room of [...Object.keys(MAY_IMPORT), 'cli', 'apps'])
    for (const file of await sources(room)) {
      const lines = (await readFile(join(ROOT, file), 'utf8')).split('\n').length;
      t.true(lines <= 400, `${file} has ${lines} lines`);
    }
});
