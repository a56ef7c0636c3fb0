import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from 'zod';
import { type Logger, silentLogger } from '../../core/index.ts';
import { memoryState, openState, type State } from '../../store/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const parse = (value: unknown): number => z.number().parse(value);

const twins: [string, (t: ExecutionContext, log?: Logger) => Promise<State>][] = [
  [
    'in level',
    async (t, log = silentLogger) => closing(t, await openState(await temporaryFolder(t), { log })),
  ],
  ['in memory', async (_t, log = silentLogger) => memoryState({ log })],
];

function closing(t: ExecutionContext, state: State): State {
  t.teardown(() => state.close());
  return state;
}

for (const [name, open] of twins) {
  test(`state ${name}: gives back what was put, until it is deleted`, async (t) => {
    const table = (await open(t)).table('numbers', parse);
    t.is(await table.get('a'), undefined);
    await table.put('a', 1);
    await table.put('a', 2, { sync: true });
    t.is(await table.get('a'), 2);
    await table.delete('a');
    await table.delete('a');
    t.is(await table.get('a'), undefined);
  });

  test(`state ${name}: keeps bytes as bytes`, async (t) => {
    const table = (await open(t)).table('blobs', (value) =>
      z.object({ data: z.instanceof(Uint8Array) }).parse(value),
    );
    await table.put('a', { data: Uint8Array.of(1, 2, 255) });
    t.deepEqual([...((await table.get('a'))?.data ?? [])], [1, 2, 255]);
  });

  test(`state ${name}: tables do not see each other`, async (t) => {
    const state = await open(t);
    await state.table('a', parse).put('key', 1);
    await state.table('a-b', parse).put('key', 2);
    t.deepEqual(await state.table('a', parse).list(), [['key', 1]]);
    t.deepEqual(await state.table('a-b', parse).list(), [['key', 2]]);
    t.throws(() => state.table('No!', parse), { instanceOf: TypeError });
  });

  test(`state ${name}: lists by prefix, from a key on, from the end, and only so many`, async (t) => {
    const table = (await open(t)).table('numbers', parse);
    const keys = ['a:1', 'a:2', 'a:3', 'a\u{10000}', 'a\uff5e', 'b:1'];
    await table.batch(keys.map((key, value) => ({ type: 'put', key, value })));
    const listed = async (options: object): Promise<string[]> =>
      (await table.list(options)).map(([key]) => key);
    t.deepEqual(await listed({}), ['a:1', 'a:2', 'a:3', 'a\uff5e', 'a\u{10000}', 'b:1']);
    t.deepEqual(await listed({ prefix: 'a:' }), ['a:1', 'a:2', 'a:3']);
    t.deepEqual(await listed({ prefix: 'a:', gt: 'a:1' }), ['a:2', 'a:3']);
    t.deepEqual(await listed({ prefix: 'a:', reverse: true, limit: 2 }), ['a:3', 'a:2']);
    t.deepEqual(await listed({ gt: 'a\u{10000}' }), ['b:1']);
    t.deepEqual(await listed({ prefix: 'b:', gt: 'a' }), ['b:1']);
    t.deepEqual(await listed({ prefix: 'c' }), []);
  });

  test(`state ${name}: a batch with one bad operation does nothing`, async (t) => {
    const table = (await open(t)).table('numbers', parse);
    await table.put('a', 1);
    await t.throwsAsync(
      async () =>
        table.batch([
          { type: 'delete', key: 'a' },
          { type: 'put', key: '', value: 1 },
        ]),
      { instanceOf: TypeError },
    );
    t.is(await table.get('a'), 1);
  });

  test(`state ${name}: a record that is not what it should be is left out and logged`, async (t) => {
    const warnings: object[] = [];
    const state = await open(t, { ...silentLogger, warn: (details) => warnings.push(details) });
    const loose = state.table('numbers', (value) => value);
    await loose.batch([
      { type: 'put', key: 'bad', value: 'text' },
      { type: 'put', key: 'good', value: 1 },
    ]);
    const table = state.table('numbers', parse);
    t.deepEqual(await table.list({ limit: 1 }), [['good', 1]]);
    t.is(await table.get('bad'), undefined);
    t.is(warnings.length, 2);
  });
}

async function stateWith(dir: string, count: number): Promise<void> {
  const state = await openState(dir);
  const table = state.table('numbers', parse);
  for (let i = 0; i < count; i += 1) await table.put(String(i), i, { sync: true });
  await state.close();
}

async function numbersIn(dir: string, log?: Logger): Promise<number[]> {
  const state = await openState(dir, { log: log ?? silentLogger });
  const numbers = await state.table('numbers', parse).list();
  await state.close();
  return numbers.map(([, value]) => value);
}

test('state with an empty CURRENT file is repaired and loses nothing', async (t) => {
  const dir = join(await temporaryFolder(t), 'state');
  await stateWith(dir, 5);
  await truncate(join(dir, 'CURRENT'));
  const warnings: object[] = [];
  const numbers = await numbersIn(dir, { ...silentLogger, warn: (details) => warnings.push(details) });
  t.deepEqual(numbers, [0, 1, 2, 3, 4]);
  t.is(warnings.length, 1);
});

test('state without a CURRENT file is repaired instead of begun anew', async (t) => {
  const dir = join(await temporaryFolder(t), 'state');
  await stateWith(dir, 5);
  await rm(join(dir, 'CURRENT'));
  t.deepEqual(await numbersIn(dir), [0, 1, 2, 3, 4]);
});

test('state with a manifest of rubbish still opens', async (t) => {
  const dir = join(await temporaryFolder(t), 'state');
  await stateWith(dir, 5);
  for (const name of await readdir(dir))
    if (name.startsWith('MANIFEST')) await writeFile(join(dir, name), 'rubbish');
  t.deepEqual(await numbersIn(dir), [0, 1, 2, 3, 4]);
});

test('state that can not be repaired is set aside, and begins anew', async (t) => {
  const folder = await temporaryFolder(t);
  const dir = join(folder, 'state');
  await stateWith(dir, 2);
  await rm(join(dir, 'CURRENT'));
  await mkdir(join(dir, 'CURRENT'));
  const errors: object[] = [];
  t.deepEqual(await numbersIn(dir, { ...silentLogger, error: (details) => errors.push(details) }), []);
  t.is(errors.length, 1);
  t.is((await readdir(folder)).length, 2);
  await stateWith(dir, 2);
  t.deepEqual(await numbersIn(dir), [0, 1]);
});

test('state that is open is locked for all others until it is closed', async (t) => {
  const dir = await temporaryFolder(t);
  const first = await openState(dir);
  await t.throwsAsync(openState(dir, { timeoutMs: 50 }), { code: 'ERR_STORE_LOCKED' });
  await t.throwsAsync(openState(dir, { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
  const waiting = openState(dir);
  await first.close();
  const second = await waiting;
  await second.close();
  await second.close();
  t.pass();
});
