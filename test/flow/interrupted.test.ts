import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openState } from '../../store/index.ts';
import { floormeshCommand, start } from '../helpers/command.ts';
import { alive, familyOf, runningOn } from '../helpers/processes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

interface Moment {
  /** Beginning of the line with which the demo begins a stage. */
  stage: string;
  /** How long after that. */
  afterMs: number;
  signal: NodeJS.Signals;
  /** A terminal's Ctrl-C reaches every process of the group; a supervisor's signal the command alone. */
  to: 'group' | 'command';
}

/** Ends a demo at a moment, and sees to it that nothing of it is left but its folder. */
async function interrupt(t: ExecutionContext, { stage, afterMs, signal, to }: Moment): Promise<void> {
  const dir = join(await temporaryFolder(t), 'site');
  const command = floormeshCommand('demo', '--once', '--no-mdns', '--dir', dir);
  const demo = start(command, { detached: true });
  t.teardown(() => void (alive([demo.pid]).length > 0 && process.kill(demo.pid, 'SIGTERM')));
  await until(`the demo begins: ${stage}`, () => demo.out().includes(stage));
  await delay(afterMs);
  const family = familyOf(demo.pid);
  process.kill(to === 'group' ? -demo.pid : demo.pid, signal);
  const { code, err } = await demo.ended;
  t.is(code, 1);
  t.is(err, '', 'who interrupts it needs no error');
  await until('all have ended', () => alive(family).length === 0);
  t.deepEqual(runningOn(dir), []);
  for (const role of await readdir(dir)) {
    const state = join(dir, role, 'state');
    if (await exists(state)) await (await openState(state)).close();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

test('Ctrl-C while the demo makes its models ends it', async (t) => {
  await interrupt(t, { stage: 'Make a provider', afterMs: 1000, signal: 'SIGINT', to: 'group' });
});

test('Ctrl-C while the daemons come up leaves none of them', async (t) => {
  await interrupt(t, { stage: 'Start bridge', afterMs: 1500, signal: 'SIGINT', to: 'group' });
});

test('a signal to the demo alone ends its daemons too', async (t) => {
  await interrupt(t, { stage: 'Start bridge', afterMs: 2500, signal: 'SIGTERM', to: 'command' });
});

test('a signal while models are rebuilt and measured ends everybody who does that', async (t) => {
  await interrupt(t, { stage: 'Rebuild the models', afterMs: 3000, signal: 'SIGINT', to: 'command' });
});

test('a demo that is killed takes its daemons with it', async (t) => {
  const dir = join(await temporaryFolder(t), 'site');
  const demo = start(floormeshCommand('demo', '--once', '--no-mdns', '--dir', dir), { detached: true });
  await until('all daemons are up', () => demo.out().includes('Nodes join'));
  const family = familyOf(demo.pid);
  t.true(family.length >= 6);
  process.kill(demo.pid, 'SIGKILL');
  await demo.ended;
  await until('all have ended', () => alive(family).length === 0);
  t.deepEqual(runningOn(dir), []);
});

test('a demo that cannot start a daemon says why, and leaves none', async (t) => {
  const dir = await temporaryFolder(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const site = join(dir, 'site');
  const args = ['demo', '--once', '--no-mdns', '--dir', site, '--port', String(port)];
  const { code, err } = await start(floormeshCommand(...args)).ended;
  t.is(code, 1);
  t.regex(
    err,
    new RegExp(`^error ERR_PROCESS_FAILED: gateway .*ERR_PORT_IN_USE: port ${port} .*\n {2}.*\n$`),
  );
  t.deepEqual(runningOn(site), []);
});
