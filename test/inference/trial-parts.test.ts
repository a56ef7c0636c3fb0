import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { digestOf, encodeSamples, float32, type SessionOptions } from '../../core/index.ts';
import { openBuild } from '../../inference/trial/build-under-test.ts';
import { findEnergyMeter } from '../../inference/trial/energy-meter.ts';
import { isClear, ratioOf } from '../../inference/trial/ratio.ts';
import { RunClock } from '../../inference/trial/run-clock.ts';
import { roundRuns, Rounds } from '../../inference/trial/rounds.ts';
import { sampleOrder } from '../../inference/trial/sample-order.ts';
import { TrialClock } from '../../inference/trial/trial-clock.ts';
import { localRuntime } from '../helpers/onnxruntime.ts';
import { directionModel } from '../helpers/package-tree.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** Numbers that look random and are the same every time (Park and Miller's generator). */
function* noise(): Generator<number> {
  for (let seed = 42; ;) {
    seed = (seed * 48271) % 2147483647;
    yield seed / 2147483647;
  }
}

test('a range needs six rounds, and is the one that coin tosses give', (t) => {
  t.is(ratioOf([1, 1, 1, 1, 1]), undefined);
  t.deepEqual(ratioOf([6, 1, 2, 3, 4, 5]), { median: 3, low: 1, high: 6 });
  // For ten values the second from either end (97.9 %), for twenty the sixth (95.9 %).
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
  t.deepEqual(ratioOf(upTo(10)), { median: 5, low: 2, high: 9 });
  t.deepEqual(ratioOf(upTo(20)), { median: 10, low: 6, high: 15 });
});

test('the range holds the true middle in at least 95 of 100 series', (t) => {
  const random = noise();
  let held = 0;
  for (let series = 0; series < 1000; series += 1) {
    // Mostly near 0.8, and in one round of ten another process takes the machine.
    const ratios = Array.from({ length: 25 }, () => {
      const disturbed = (random.next().value ?? 0) < 0.1;
      return 0.8 + ((random.next().value ?? 0) - 0.5) * (disturbed ? 2 : 0.1);
    });
    const { low, high } = ratioOf(ratios) ?? { low: 1, high: 1 };
    if (low <= 0.8 && 0.8 <= high) held += 1;
  }
  t.true(held >= 950, `${held} of 1000`);
});

test('a trial goes on while it can not tell, and stops when more rounds would change nothing', (t) => {
  const around = (middle: number, spread: number, rounds: number): number[] =>
    Array.from({ length: rounds }, (_, i) => middle * (1 + (spread * (i % 5)) / 2 - spread));
  t.false(isClear([0.5, 0.5, 0.5]), 'too few rounds');
  t.true(isClear(around(0.5, 0.02, 8)), 'clearly faster');
  t.true(isClear(around(2, 0.4, 8)), 'slower, however much');
  t.true(isClear(around(1, 0.005, 8)), 'the same, and known well');
  t.false(isClear(around(1, 0.1, 20)), 'around a tie, and not known well');
  t.false(isClear(around(0.6, 0.3, 10)), 'faster, but by how much?');
});

test('rounds are long beside a timer’s step, and many enough for a range', (t) => {
  t.is(roundRuns(0.1, 10_000), 200);
  t.is(roundRuns(1, 10_000), 25);
  t.is(roundRuns(400, 10_000), 1);
  t.is(roundRuns(0.1, 80), 10);
  t.is(roundRuns(0.1, 1), 1);
});

test('a round that another process disturbs moves neither ratio nor times', (t) => {
  const rounds = new Rounds();
  for (let i = 0; i < 9; i += 1) {
    const load = i === 4 ? 10 : 1;
    rounds.add({
      candidate: { times: [5 * load, 5 * load], joules: 1 },
      original: { times: [10 * load, 10 * load] },
    });
  }
  const opened = { loadMs: 7, runMs: 10, peakMemoryMiB: 3, samples: 4, batch: 8 };
  t.deepEqual(rounds.measurement(opened, 10), {
    loadMs: 7,
    p50Ms: 5,
    p95Ms: 5,
    p99Ms: 5,
    throughput: 1600,
    runs: 18,
    peakMemoryMiB: 3,
    energyJ: 0.5,
    ratio: { median: 0.5, low: 0.5, high: 0.5 },
  });
});

test('rounds end: where the difference is clear, else when there are many', (t) => {
  const roundsUntilEnough = (ratio: (i: number) => number): number => {
    const rounds = new Rounds();
    while (!rounds.areEnough() && rounds.count < 1000)
      rounds.add({ candidate: { times: [ratio(rounds.count)] }, original: { times: [1] } });
    return rounds.count;
  };
  t.is(
    roundsUntilEnough(() => 0.5),
    8,
  );
  t.is(
    roundsUntilEnough((i) => (i % 2 === 0 ? 0.7 : 1.3)),
    60,
  );
});

test('every beginning of the sample order is spread over the whole set', (t) => {
  for (const total of [1, 2, 3, 10, 100, 997, 5000]) {
    const order = sampleOrder(total, total);
    t.is(new Set(order).size, total);
    t.deepEqual(sampleOrder(total, 7), order.slice(0, 7));
  }
  // Sorted by class, ten classes: twenty samples have seen them all.
  const classes = new Set(sampleOrder(1000, 20).map((index) => Math.floor(index / 100)));
  t.is(classes.size, 10);
});

test('RAPL’s packages are added up, also over the end of a counter', async (t) => {
  const sys = await temporaryFolder(t);
  const put = async (zone: string, name: string, energy: number): Promise<void> => {
    const folder = join(sys, 'class/powercap', zone);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'name'), `${name}\n`);
    await writeFile(join(folder, 'energy_uj'), `${energy}\n`);
    await writeFile(join(folder, 'max_energy_range_uj'), '10000000\n');
  };
  await put('intel-rapl:0', 'package-0', 9_000_000);
  await put('intel-rapl:1', 'package-1', 1_000_000);
  await put('intel-rapl:0:0', 'core', 5_000_000);
  await put('intel-rapl:2', 'psys', 5_000_000);
  const meter = await findEnergyMeter(sys);
  await put('intel-rapl:0', 'package-0', 500_000);
  await put('intel-rapl:1', 'package-1', 1_250_000);
  await put('intel-rapl:2', 'psys', 8_000_000);
  t.is(await meter?.read(), 1.75);
  t.is(await meter?.read(), 0);
});

test('a socket’s counter of a hardware monitor will do, and without any there is no meter', async (t) => {
  const sys = await temporaryFolder(t);
  t.is(await findEnergyMeter(sys), undefined);
  const folder = join(sys, 'class/hwmon/hwmon3');
  await mkdir(folder, { recursive: true });
  for (const [file, text] of [
    ['energy1_input', '700'],
    ['energy1_label', 'Ecore000'],
    ['energy2_input', '1000000'],
    ['energy2_label', 'Esocket0'],
  ] as const)
    await writeFile(join(folder, file), text);
  const meter = await findEnergyMeter(sys);
  await writeFile(join(folder, 'energy2_input'), '4000000');
  t.is(await meter?.read(), 3);
});

test('what a trial waits for others is not its time', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const clock = new TrialClock(() => promise);
  const before = clock.now();
  const turn = clock.turn();
  const waitUntil = performance.now() + 300;
  setTimeout(resolve, 300);
  await turn;
  t.true(performance.now() >= waitUntil - 5);
  t.true(clock.now() - before < 250);
});

test.serial(
  'what other processes take of a run on the processor does not count; a device’s time does',
  async (t) => {
    const work = async (clock: RunClock): Promise<number> => {
      clock.start();
      // What a process that waits for the processor looks like from outside: time passes, and it does nothing.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return clock.stop();
    };
    t.true((await work(new RunClock('cpu', 100, 0.001))) < 100);
    t.true((await work(new RunClock('webgpu', 100, 0.001))) > 150);
    t.true((await work(new RunClock('cpu', 100, 10))) > 150, 'a coarse clock counts nothing');
  },
);

test('a build is opened as its settings say, and tells its batch', async (t) => {
  const folder = await temporaryFolder(t);
  const [model, validation] = [join(folder, 'model'), join(folder, 'samples')];
  await writeFile(model, await directionModel());
  const samples = Array.from({ length: 3 }, () => ({
    inputs: { x: float32(new Float32Array(4 * 3 * 48 * 192), [4, 3, 48, 192]) },
  }));
  await writeFile(validation, encodeSamples({ samples }));
  const seen: SessionOptions[] = [];
  const runtime = {
    ...localRuntime,
    open: async (bytes: Uint8Array, options: SessionOptions = {}) => {
      if (digestOf(bytes) === digestOf(await directionModel())) seen.push(options);
      return localRuntime.open(bytes, options);
    },
  };
  const settings = { threads: 2, spin: false, arena: true, pattern: false };
  const build = await openBuild({
    runtime,
    provider: 'cpu',
    settings,
    metric: { kind: 'top1', output: 'softmax_0.tmp_0' },
    model,
    validation,
    samples: 2,
  });
  t.deepEqual(seen, [{ ...settings, provider: 'cpu' }]);
  t.like(build.opened, { samples: 2, batch: 4 });
  const { times } = await build.time(0, 3);
  t.is(times.length, 3);
});
