import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { connectAsync, type MqttClient } from 'mqtt';
import { decodePicture, encodePicture } from '../../inference/app/index.ts';
import type { LoggedEvent, NodeView } from '../../gateway/api/index.ts';
import { freePort } from '../../cli/demo/free-port.ts';
import { hasMosquitto, mosquittoBroker } from '../helpers/brokers.ts';
import { floormeshHere } from '../helpers/cli-run.ts';
import type { Ended } from '../helpers/command.ts';
import { ffmpeg, hasFfmpeg } from '../helpers/ffmpeg.ts';
import { opcuaServer } from '../helpers/opcua-server.ts';
import { newFolder, SmallSite } from '../helpers/small-site.ts';
import { until } from '../helpers/until.ts';

// A real site, a broker, a PLC and a film. Each step below finds what the one before left.
const run = hasMosquitto() && hasFfmpeg() ? test : test.skip;
const TOKEN = 'a-token-of-a-machine';

interface Told {
  id: string;
  message: string;
  details: { source: string; value: { n?: number; value?: number } };
}

/** A film whose last pictures are bright. */
async function film(dir: string): Promise<string> {
  for (let i = 0; i < 10; i += 1) {
    const data = new Uint8Array(64 * 64 * 3).fill(i < 8 ? 50 : 240);
    await writeFile(join(dir, `${i}.png`), await encodePicture({ width: 64, height: 64, data }, 'png'));
  }
  const path = join(dir, 'film.mkv');
  ffmpeg('-framerate', '5', '-i', join(dir, '%d.png'), '-c:v', 'mpeg4', '-q:v', '2', path);
  return path;
}

run(
  'events of broker, PLC, camera and webhook go through an app to its actions, and nothing is lost',
  async (t) => {
    t.timeout(180_000);
    const site = new SmallSite(await newFolder());
    t.teardown(async () => {
      await site.stop();
      await rm(site.dir, { recursive: true, force: true });
    });
    const cli = (...args: string[]): Promise<Ended> =>
      floormeshHere(args, { env: { FLOORMESH_SITE: site.dir } });
    const json = async <T>(...args: string[]): Promise<T> => {
      const { code, out, err } = await cli(...args, '--json');
      if (code !== 0) throw new Error(`${args.join(' ')}: ${err}`);
      return JSON.parse(out) as T;
    };

    const broker = await mosquittoBroker(t);
    await broker.start();
    t.teardown(() => broker.stop());
    const plc = await opcuaServer(t);
    await plc.start();
    const port = await freePort();

    await site.initBridge();
    await site.publish('test/fixtures/apps/relay');
    await site.publishRuntime();
    await site.initGateway();
    await site.run('gateway');
    await site.makeNode('press', {
      sources: [
        { name: 'line', type: 'mqtt', url: broker.url, topic: 'line/in', event: 'message' },
        {
          name: 'plc',
          type: 'opcua',
          url: plc.url,
          nodes: ['ns=1;s=Temperature'],
          samplingMs: 50,
          event: 'message',
          trigger: { change: { field: 'value', deadband: 1 } },
        },
        { name: 'camera', type: 'camera', path: await film(site.dir), fps: 5 },
        { name: 'hook', type: 'http', port, token: TOKEN, event: 'message' },
      ],
      actions: [
        { name: 'publish', type: 'mqtt', url: broker.url, topic: 'line/out' },
        { name: 'set', type: 'opcua', url: plc.url, node: 'ns=1;s=Setpoint' },
      ],
    });
    await site.run('press');
    await until('the node has proven its runtime', async () =>
      (await cli('nodes', 'ls')).out.includes('onnxruntime-node-1'),
    );

    const told = new Map<string, Told>();
    let order: string[] = [];
    const listen = async (): Promise<MqttClient> => {
      const client = await connectAsync(broker.url, { clientId: 'listener', clean: false });
      client.on('message', (_, payload) => {
        const one = JSON.parse(payload.toString()) as Told;
        if (!told.has(one.id)) order.push(one.id);
        told.set(one.id, one);
      });
      await client.subscribeAsync('line/out', { qos: 1 });
      return client;
    };
    let listener = await listen();
    t.teardown(() => listener.endAsync(true));
    const numbers = (source: string): (number | undefined)[] =>
      order
        .map((id) => told.get(id))
        .filter((one) => one?.details.source === source)
        .map((one) => one?.details.value.n ?? one?.details.value.value);

    const deployed = await cli('deploy', 'relay', '--auto-update');
    t.is(deployed.code, 0, deployed.err);
    const watched = await cli('rollout', 'watch');
    t.is(watched.code, 0, watched.err + watched.out);

    // The film ends with bright pictures: alarms with the picture that caused them, which somebody acknowledges.
    await until(
      'the alarms came',
      async () => (await json<LoggedEvent[]>('alarms', 'ls', '--open')).length >= 2,
    );
    const [alarm] = await json<LoggedEvent[]>('alarms', 'ls', '--open');
    t.regex(alarm?.message ?? '', /^camera-.*\.jpg is bright$/);
    const picture = join(site.dir, 'alarm.jpg');
    await cli('alarms', 'save', String(alarm?.id), picture);
    t.is((await decodePicture(await readFile(picture))).width, 64);
    const { code } = await cli('alarms', 'ack', String(alarm?.id), '--by', 'anna');
    t.is(code, 0);
    t.false((await json<LoggedEvent[]>('alarms', 'ls', '--open')).some(({ id }) => id === alarm?.id));

    // The PLC's value, and changes beyond the deadband; each is answered by a write.
    await until('the present value came', () => numbers('plc').includes(20));
    plc.set('Temperature', 20.5);
    plc.set('Temperature', 30);
    await until('the set point was written', () => plc.get('Setpoint') === 60);
    t.deepEqual(numbers('plc'), [20, 30]);

    const post = async (n: number): Promise<number> => {
      const headers = { authorization: `Bearer ${TOKEN}`, 'idempotency-key': `call-${n}` };
      const response = await fetch(`http://127.0.0.1:${port}/events`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ n }),
      });
      await response.body?.cancel();
      return response.status;
    };
    t.is(await post(1), 202);
    await until('the webhook’s event came', () => numbers('hook').includes(1));

    // The power of the node is cut while messages come in. All of them are handled: what was not
    // acknowledged comes again from the broker, what was is on disk.
    order = [];
    const sender = await connectAsync(broker.url);
    const sent: number[] = [];
    for (let n = 0; n < 60; n += 1) {
      await sender.publishAsync('line/in', JSON.stringify({ n }), { qos: 1 });
      sent.push(n);
      if (n === 30) await site.daemon('press').kill();
    }
    await site.run('press');
    await until('all messages came', () => new Set(numbers('line')).size === sent.length);

    // The broker goes away: that is told, what is to go there waits, and comes in order when it is back.
    await sender.endAsync();
    await listener.endAsync();
    await broker.stop();
    await until('its absence is shown', async () =>
      /ERR_SOURCE_UNREACHABLE: the broker of source line/.test((await cli('nodes', 'show', 'press')).out),
    );
    order = [];
    for (let n = 100; n < 105; n += 1) t.is(await post(n), 202);
    await broker.start();
    listener = await listen();
    await until('what waited came', () => numbers('hook').length >= 5);
    t.deepEqual(numbers('hook'), [100, 101, 102, 103, 104]);
    await until('it is well again', async () => {
      const { health } = await json<NodeView>('nodes', 'show', 'press');
      return health[0]?.problem === undefined && health[0]?.dropped === 0;
    });
    const { out } = await cli('nodes', 'show', 'press');
    t.regex(out, /0 \(block\)/);
  },
);
