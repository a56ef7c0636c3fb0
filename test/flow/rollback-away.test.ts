import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { NodeView } from '../../gateway/index.ts';
import { killProcess, startNodeProcess } from '../helpers/node-process.ts';
import { startRealSite } from '../helpers/real-site.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { untilTold } from '../helpers/test-gateway.ts';

const appOf = (version: string): string => `
import { defineApp } from 'floormesh/app';
export default defineApp({ on: { sound: () => '${version}' } });
`;

test('a node that is away while its deployment goes back comes back to the version before', async (t) => {
  const { gateway, bridge, host, cli, ended } = await startRealSite(t, appOf('1.0.0'));
  const dir = await temporaryFolder(t);
  const inbox = join(dir, 'inbox');
  await mkdir(inbox);
  const publishers = [bridge.publisher.publicKey];
  const init = {
    ...{ name: 'press-1', dir, publishers, memoryMiB: 1024, sandbox: { ownPublishers: publishers } },
    gateway: host.mesh.peerId,
    sources: [{ name: 'hall', type: 'folder' as const, path: inbox, event: 'sound' }],
  };
  const node = async (): Promise<NodeView | undefined> =>
    (await gateway.nodes()).find(({ name }) => name === 'press-1');
  const child = startNodeProcess(t, init, host.mesh);
  await untilTold(gateway, async () => ((await node())?.hardwareClass ?? null) !== null);
  const publish = async (version: string): Promise<void> => {
    await bridge.catalog.app({ name: 'line', version, models: {} }, appOf(version));
    await bridge.announce(host.mesh.peerId);
    await untilTold(gateway, async (made) =>
      (await made.catalog()).some((entry) => entry.name === 'line' && entry.version === version),
    );
  };
  await publish('1.0.0');
  await gateway.deploy({ name: 'hall', app: 'line', to: 'all', autoUpdate: true });
  await ended('hall-1');
  await publish('1.1.0');
  await ended('hall-2');
  const installs = (await node())?.installs ?? [];
  const [first, second] = [1, 2].map((one) => installs.find(({ revision }) => revision === one)?.package);
  t.truthy(first);
  t.not(first, second);

  await killProcess(child);
  await untilTold(gateway, async () => (await node())?.connected === false);
  t.regex(await cli('rollback', 'hall'), /^hall goes back to revision 1: line 1\.0\.0/);

  startNodeProcess(t, init, host.mesh);
  const rollout = await ended('hall-3');
  t.is(rollout.state, 'done');
  t.deepEqual(
    rollout.nodes.map(({ state, package: digest }) => [state, digest]),
    [['active', first]],
  );
  await writeFile(join(inbox, 'bang'), '');
  await untilTold(gateway, async (made) => {
    const results = await made.events({ deployment: 'hall', type: 'result' });
    return results.length === 1 && results.every(({ details }) => JSON.stringify(details).includes('1.0.0'));
  });
  const runs = (await node())?.health.find(({ deployment }) => deployment === 'hall');
  t.is(runs?.revision, 3);
  t.is((await gateway.deployment('hall')).heldAt, 1);
  t.is((await gateway.rollouts()).filter(({ deployment }) => deployment === 'hall').length, 3);
});
