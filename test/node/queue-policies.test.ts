import test, { type ExecutionContext } from 'ava';
import { setTimeout as delay } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import type { DropPolicy } from '../../core/index.ts';
import { hasMosquitto, mosquittoBroker } from '../helpers/brokers.ts';
import { hostBench } from '../helpers/host-bench.ts';
import { packageTree } from '../helpers/package-tree.ts';
import { until } from '../helpers/until.ts';

if (process.env['CI'] === 'true' && !hasMosquitto()) throw new Error('mosquitto is missing: see .ci/run');
const withMosquitto = hasMosquitto() ? test.serial : test.skip;

const SENT = 40;
const ROOM = 6;

/** A broker sends more than a real app handles at a time. @returns what was handled, in its order, and counted */
async function flooded(
  t: ExecutionContext,
  drop: DropPolicy,
): Promise<{ handled: number[]; counts: { handled: number; dropped: number } }> {
  const broker = await mosquittoBroker(t);
  await broker.start();
  const tree = await packageTree({ app: 'batcher' });
  const source = { name: 'line', type: 'mqtt', url: broker.url, topic: 'slow', event: 'message' } as const;
  const bench = await hostBench({ source });
  const { config } = tree;
  try {
    await bench.host.activate({
      revision: 1,
      dir: tree.dir,
      config: {
        ...config,
        app: { ...config.app, queue: { events: ROOM, drop } },
        grants: { ...config.grants, sources: ['line'] },
      },
    });
    const sender = await connectAsync(broker.url);
    const handled = (): number[] => bench.actions.map(({ payload }) => Number(payload.message));
    // Whether the source listens shows by a message that arrives; one behind it says that no other is on its way.
    await until('the source listens', async () => {
      await sender.publishAsync('slow', Buffer.of(255), { qos: 1 });
      await delay(100);
      return handled().length > 0;
    });
    await sender.publishAsync('slow', Buffer.of(254), { qos: 1 });
    await until('the last of them is handled', () => {
      const { handled: done, waiting } = bench.host.health();
      return handled().at(-1) === 254 && waiting === 0 && done === handled().length;
    });
    const before = { tries: handled().length, dropped: bench.host.health().dropped };
    await Promise.all(
      Array.from({ length: SENT }, (_, i) => sender.publishAsync('slow', Buffer.of(i), { qos: 1 })),
    );
    const counts = (): { handled: number; dropped: number } => ({
      handled: bench.host.health().handled - before.tries,
      dropped: bench.host.health().dropped - before.dropped,
    });
    await until('each has its end', () => counts().handled + counts().dropped === SENT);
    await sender.endAsync();
    return { handled: handled().slice(before.tries), counts: counts() };
  } finally {
    await bench.host.stop();
    await tree.remove();
    await broker.stop();
  }
}

const rising = (values: readonly number[]): boolean =>
  values.every((each, i) => i === 0 || each > (values[i - 1] ?? 0));

withMosquitto(
  'with the policy oldest, what a broker sent last is handled, and the rest is counted',
  async (t) => {
    const { handled, counts } = await flooded(t, 'oldest');
    t.true(rising(handled));
    t.deepEqual(
      handled.slice(-ROOM),
      Array.from({ length: ROOM }, (_, i) => SENT - ROOM + i),
    );
    t.true(counts.dropped > 0);
    t.is(handled.length, counts.handled);
  },
);

withMosquitto(
  'with the policy newest, what a broker sent first is handled, and the rest is counted',
  async (t) => {
    const { handled, counts } = await flooded(t, 'newest');
    t.true(rising(handled));
    t.deepEqual(
      handled.slice(0, ROOM),
      Array.from({ length: ROOM }, (_, i) => i),
    );
    t.true(counts.dropped > 0);
    t.is(handled.length, counts.handled);
  },
);

withMosquitto('with the policy block a broker waits, and all that it sent is handled', async (t) => {
  const { handled, counts } = await flooded(t, 'block');
  t.deepEqual(
    handled,
    Array.from({ length: SENT }, (_, i) => i),
  );
  t.deepEqual(counts, { handled: SENT, dropped: 0 });
});
