import test from 'ava';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { program } from '../../cli/main.ts';
import { EXAMPLES } from '../../cli/verbs/examples.ts';
import { floormeshHere } from '../helpers/cli-run.ts';

const ROOT = join(import.meta.dirname, '../..');

function verbsOf(command: Command, path: string[] = []): string[] {
  if (command.commands.length === 0) return [path.join(' ')];
  return command.commands.flatMap((child) => verbsOf(child, [...path, child.name()]));
}

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

const context = {
  out: new PassThrough(),
  err: new PassThrough(),
  env: {},
  signal: new AbortController().signal,
  isTty: false,
};

test('the help of every verb has an example, which the verb takes', async (t) => {
  const verbs = verbsOf(await program([], context));
  t.deepEqual(Object.keys(EXAMPLES).sort(), verbs.toSorted());
  for (const [verb, example] of Object.entries(EXAMPLES)) {
    t.true(example.startsWith(verb), example);
    const argv = ['node', 'floormesh', ...(example.match(/"[^"]*"|\S+/g) ?? [])];
    const command = await program(argv, context);
    let called = false;
    for (const leaf of leavesOf(command)) leaf.action(() => void (called = true));
    await command.parseAsync(argv);
    t.true(called, example);
  }
  const { out } = await floormeshHere(['rollback', '--help']);
  t.regex(out, /\nExample:\n {2}floormesh rollback label-reader --to 2\n$/);
});

test('the reference lists every verb, and no other', async (t) => {
  const text = await readFile(join(ROOT, 'docs/cli.md'), 'utf8');
  const section = text.slice(text.indexOf('## Verbs'), text.indexOf('### deploy'));
  const listed = [...section.matchAll(/`([a-z]+(?: [a-z]+)?)[^`]*`(?=[^\n]*\|[^\n]*\|)/g)].map(
    ([, verb]) => verb ?? '',
  );
  const verbs = verbsOf(await program([], context));
  for (const verb of verbs) t.true(listed.includes(verb), `docs/cli.md does not have ${verb}`);
  for (const verb of listed) t.true(verbs.includes(verb), `there is no ${verb}`);
});

test('the reference lists every route of the API', async (t) => {
  const text = await readFile(join(ROOT, 'docs/cli.md'), 'utf8');
  for (const file of ['read', 'change', 'blobs', 'streams']) {
    const source = await readFile(join(ROOT, `gateway/api/routes/${file}.ts`), 'utf8');
    const routes = [...source.matchAll(/app\.(get|post|put|head)(?:<[^(]*>)?\(\s*'([^']+)'/g)];
    t.true(routes.length > 0);
    for (const [, method = '', path = ''] of routes)
      t.true(
        text.includes(`${method.toUpperCase()} ${path.replace('/:version?', '[/:version]')}`),
        `docs/cli.md does not have ${method} ${path}`,
      );
  }
});
