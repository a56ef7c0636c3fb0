import test from 'ava';
import { injectFaults } from '../../benchmarks/app-host/faults.ts';
import { swapUnderLoad } from '../../benchmarks/app-host/swaps.ts';
import { fedFromMemory, hostBench, inBatches } from '../helpers/host-bench.ts';
import { packageTree } from '../helpers/package-tree.ts';
import { until } from '../helpers/until.ts';

interface Seen {
  scores: number[];
  atOnce: number;
  seen: number;
}

/** Sends events through a real app. @returns what came of each, in their order */
async function handled(
  names: string[],
  batch: number,
): Promise<{
  outcomes: (string[] | undefined)[];
  results: (Seen | undefined)[];
  actions: number[];
  starts: number;
}> {
  const tree = await packageTree({ app: 'batcher' });
  const bench = await hostBench({ restartDelayMs: 10 });
  try {
    const ids: string[] = [];
    await bench.host.activate({
      revision: 1,
      dir: tree.dir,
      config: inBatches(fedFromMemory(tree.config), batch),
    });
    for (const [i, name] of names.entries()) ids.push(bench.emit(name, Uint8Array.of(i)));
    await until('all are handled', () => bench.outcomes.size === names.length);
    return {
      outcomes: ids.map((id) => bench.outcomes.get(id)),
      results: ids.map((id) => bench.results.get(id) as Seen | undefined),
      actions: bench.actions.map(({ payload }) => Number(payload.message)),
      starts: bench.starts(),
    };
  } finally {
    await bench.host.stop();
    await tree.remove();
  }
}

test.serial('events in batches have the same results as one at a time, and act in their order', async (t) => {
  const names = Array.from({ length: 24 }, (_, i) => (i % 5 === 0 ? 'slow' : 'look'));
  const single = await handled(names, 1);
  const together = await handled(names, 8);
  const order = names.map((_, i) => i);
  t.deepEqual(single.actions, order);
  t.deepEqual(together.actions, order);
  // Also what they keep is as if one came after the other.
  t.deepEqual(
    together.results.map((result) => result?.seen),
    order.map((i) => i + 1),
  );
  t.true(single.results.every((result) => result?.atOnce === 1));
  t.true(together.results.some((result) => (result?.atOnce ?? 0) > 4));
  for (const [i, result] of together.results.entries())
    for (const [k, score] of (result?.scores ?? [NaN]).entries())
      t.true(Math.abs(score - (single.results[i]?.scores[k] ?? NaN)) < 1e-3);
});

test.serial(
  'an event that ends the process, or throws, fails alone: its neighbours have their results',
  async (t) => {
    const names = ['look', 'look', 'segv', 'look', 'throw', 'look', 'look', 'look', 'look', 'look'];
    const { outcomes, actions, starts } = await handled(names, 8);
    t.deepEqual(
      outcomes,
      names.map((name) => [name === 'look' ? 'result' : 'failed']),
    );
    t.deepEqual(actions, [0, 1, 3, 5, 6, 7, 8, 9]);
    t.is(starts, 3);
  },
);

test.serial('in batches, too, every event has one outcome whatever ends the app', async (t) => {
  const outcome = await injectFaults({ aborts: 4, hangs: 2, batch: 4 });
  t.like(outcome, { lost: 0, double: 0, dropped: 0, failed: 3, results: 9 });
});

test.serial('in batches, too, a version changes under load without losing an event', async (t) => {
  const outcome = await swapUnderLoad({ perSecond: 100, seconds: 2, swapEveryMs: 500, atLeast: 1, batch: 8 });
  t.like(outcome, { lost: 0, double: 0, wrong: 0 });
  t.true(outcome.swaps >= 1);
});

test.serial(
  'runs that are joined stay joined through a swap and a swap back, each event once and in its order',
  async (t) => {
    const tree = await packageTree({ app: 'batcher' });
    const bench = await hostBench();
    try {
      const config = inBatches(fedFromMemory(tree.config), 8);
      const ids: string[] = [];
      const emit = (count: number): void => {
        for (let i = 0; i < count; i += 1) ids.push(bench.emit('slow', Uint8Array.of(ids.length)));
      };
      const until8 = (): Promise<void> =>
        until('some are handled, and some wait', () => bench.results.size + 8 > ids.length - 24);
      await bench.host.activate({ revision: 1, dir: tree.dir, config });
      emit(32);
      for (const revision of [2, 3]) {
        const version = { revision, dir: tree.dir, config };
        const app = await bench.host.prepare(version, AbortSignal.timeout(60_000));
        emit(32);
        await until8();
        await bench.host.activate(version, app);
        t.is(bench.host.health().revision, revision);
      }
      emit(16);
      await until('all are handled', () => bench.outcomes.size === ids.length);
      t.deepEqual([...new Set(ids.map((id) => bench.outcomes.get(id)?.join()))], ['result']);
      const order = ids.map((_, i) => i);
      t.deepEqual(
        bench.actions.map(({ payload }) => Number(payload.message)),
        order,
      );
      const results = ids.map((id) => bench.results.get(id) as Seen);
      t.deepEqual(
        results.map(({ seen }) => seen),
        order.map((i) => i + 1),
      );
      t.true(results.filter(({ atOnce }) => atOnce > 4).length > ids.length / 2);
      t.is(bench.host.health().dropped, 0);
    } finally {
      await bench.host.stop();
      await tree.remove();
    }
  },
);
