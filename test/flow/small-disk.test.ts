import test from 'ava';
import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomOf } from '../../apps/make/random.ts';
import { encodeSamples, float32 } from '../../core/index.ts';
import type { Explanation, NodeView } from '../../gateway/index.ts';
import { DISK_RESERVE_BYTES } from '../../node/constants.ts';
import { floormeshHere } from '../helpers/cli-run.ts';
import { daemonCommand } from '../helpers/command.ts';
import { writeFiles } from '../helpers/folders.ts';
import { SIXTY_APP, sixtyTensorsFolder } from '../helpers/sixty-tensors.ts';
import { mayMount, onSmallDisk } from '../helpers/small-disk.ts';
import { SmallSite } from '../helpers/small-site.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const MIB = 2 ** 20;
/** Less than the model's 8 MiB, and more than the 2 MiB that it has in 8 bits. */
const LEFT_MIB = 6;
const testWithMount = mayMount ? test : test.skip;

/** A model that may be stored in 8 bits. */
function modelFolder(): Record<string, string | Uint8Array> {
  const { 'model.yaml': card, ...files } = sixtyTensorsFolder('1.0.0', {});
  const { between } = randomOf(7);
  const input = (): Float32Array => Float32Array.from({ length: 256 }, () => between(-1, 1));
  const samples = Array.from({ length: 20 }, () => ({ inputs: { x: float32(input(), [1, 256]) } }));
  return {
    ...files,
    'model.yaml': String(card)
      .replace('kind: top1', 'kind: cosine')
      .replace('allow: [] }', 'allow: [int8-weights] }\nvalidation: validation.cbor'),
    'validation.cbor': encodeSamples({ samples }),
  };
}

testWithMount(
  'of two nodes of a class, the one with little disk gets a build that fits it, and the report says so',
  async (t) => {
    const site = new SmallSite(await temporaryFolder(t));
    t.teardown(() => site.stop());
    await site.initBridge();
    await writeFiles(join(site.dir, 'model'), modelFolder());
    await writeFiles(join(site.dir, 'app'), SIXTY_APP);
    await site.publish(join(site.dir, 'model'));
    await site.publish(join(site.dir, 'app'));
    await site.publishRuntime();
    await site.initGateway();
    await site.run('gateway');
    await site.makeNode('press');
    await site.makeNode('cart');
    await site.run('press');
    const folder = site.folder('cart');
    const cart = await site.run(
      'cart',
      onSmallDisk(daemonCommand('node', folder), folder, '600m', '/nowhere'),
    );
    const ask = async <T>(...args: string[]): Promise<T> => {
      const { code, out, err } = await floormeshHere([...args, '--json'], {
        env: { FLOORMESH_SITE: site.dir },
      });
      if (code !== 0) throw new Error(err);
      return JSON.parse(out) as T;
    };
    await until('both have proven the runtime', async () => {
      const nodes = await ask<NodeView[]>('nodes', 'ls');
      return nodes.length === 2 && nodes.every(({ hardwareClass }) => hardwareClass !== null);
    });

    const seenByIt = join(`/proc/${cart.pid}/root`, folder);
    const { bavail, bsize } = await statfs(seenByIt);
    const left = DISK_RESERVE_BYTES + LEFT_MIB * MIB;
    await writeFile(join(seenByIt, 'filler'), Buffer.alloc(bavail * bsize - left));
    await until('the site knows', async () => {
      const { diskFreeMiB = Infinity } = await ask<NodeView>('nodes', 'show', 'cart');
      return diskFreeMiB <= LEFT_MIB;
    });

    const deployed = await floormeshHere(['deploy', 'sorter', '--auto-update', '--objective', 'memory'], {
      env: { FLOORMESH_SITE: site.dir },
    });
    t.is(deployed.code, 0, deployed.err);
    const watched = await floormeshHere(['rollout', 'watch'], { env: { FLOORMESH_SITE: site.dir } });
    t.is(watched.code, 0, watched.err);
    const why = async (node: string): Promise<string[]> => {
      const [deployment] = (await ask<Explanation>('explain', node)).deployments;
      return (deployment?.models['classes']?.report?.candidates ?? []).map(
        ({ name, verdict }) => `${name}: ${verdict}`,
      );
    };
    // Where there is room, the disk has no say: what was measured decides.
    const onPress = (await why('press')).join('\n');
    t.notRegex(onPress, /disk/);
    const onCart = (await why('cart')).join('\n');
    t.regex(onCart, /^int8-weights(\/\S+)?: chosen/m);
    const bestIsLarge = /^original(\/\S+)?: chosen/m.test(onPress);
    t.is(/^original: rejected: takes 8 MiB, there are \d MiB of disk/m.test(onCart), bestIsLarge);
  },
);
