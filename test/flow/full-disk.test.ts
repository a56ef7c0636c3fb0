import test from 'ava';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoggedEvent, NodeView } from '../../gateway/index.ts';
import { floormeshHere } from '../helpers/cli-run.ts';
import { daemonCommand } from '../helpers/command.ts';
import { mayMount, onSmallDisk } from '../helpers/small-disk.ts';
import { SmallSite } from '../helpers/small-site.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const testWithMount = mayMount ? test : test.skip;

testWithMount('a full disk is told, stops no daemon, and work goes on once there is room', async (t) => {
  const site = new SmallSite(await temporaryFolder(t));
  t.teardown(() => site.stop());
  await site.prepare();
  await site.initGateway();
  const room = (name: string): string => join(site.dir, `room-for-${name}`);
  // Enough for what it starts with, and too little for a runtime.
  const small = (role: 'gateway' | 'node', name: string, size: string): string[] =>
    onSmallDisk(daemonCommand(role, site.folder(name)), site.folder(name), size, room(name));
  const gateway = await site.run('gateway', small('gateway', 'gateway', '12m'));
  await site.makeNode('press');
  const node = await site.run('press', small('node', 'press', '40m'));

  // The gateway's api.json is on its own small disk, which only it sees.
  const env = { FLOORMESH_GATEWAY: String(gateway.ready.api), FLOORMESH_SITE: '' };
  const ask = async <T>(...args: string[]): Promise<T> => {
    const { code, out, err } = await floormeshHere([...args, '--json'], { env });
    if (code !== 0) throw new Error(err);
    return JSON.parse(`[${out.trim().split('\n').join(',')}]`) as T;
  };
  let told = '';
  await until('the gateway says that its disk is full', async () => {
    const [nodes] = await ask<[NodeView[]]>('nodes', 'ls');
    told = nodes[0]?.problem?.code ?? '';
    return told !== '';
  });
  t.is(told, 'ERR_DISK_FULL');
  t.regex((await floormeshHere(['nodes', 'show', 'press'], { env })).out, /problem +ERR_DISK_FULL: .*pulled/);

  await writeFile(room('gateway'), '');
  let notices: LoggedEvent[] = [];
  await until('the node says that its disk is full', async () => {
    notices = await ask<LoggedEvent[]>('events', '--type', 'notice');
    return notices.length > 0;
  });
  t.is(notices[0]?.details?.code, 'ERR_DISK_FULL');
  t.regex(notices[0]?.message ?? '', /could not be installed: .* MiB are needed/);

  await writeFile(room('press'), '');
  await until('the node has proven its runtime', async () => {
    const [nodes] = await ask<[NodeView[]]>('nodes', 'ls');
    return nodes[0]?.hardwareClass !== null;
  });
  t.true(gateway.running && node.running, 'the same processes as before');
  const [after] = await ask<[NodeView[]]>('nodes', 'ls');
  t.is(after[0]?.problem, undefined);
});
