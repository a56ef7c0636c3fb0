import test from 'ava';
import {
  type Candidate,
  digestOf,
  hardwareClass,
  type HardwareClass,
  type Objective,
  type RecipeName,
} from '../../../core/index.ts';
import { carefulTries } from '../../../gateway/rebuild/careful.ts';
import type { JudgingData } from '../../../gateway/rebuild/judging-data.ts';
import { planRebuild, worthTrying } from '../../../gateway/rebuild/plan.ts';
import { settingsToTry } from '../../../gateway/rebuild/settings.ts';
import { card } from '../../helpers/rebuild-samples.ts';

function target(arch: string, isa: string): HardwareClass {
  const runtime = { name: 'onnxruntime-node', version: '1.30.0', digest: digestOf('r'), provider: 'cpu' };
  return hardwareClass({ os: 'linux', arch, libc: 'glibc', isa, memoryBand: 'm', runtime });
}

const samples = { digest: digestOf('samples'), size: 1 };
const FULL: JudgingData = { by: 'validation', samples, calibration: samples.digest };
const UNCALIBRATED: JudgingData = { by: 'validation', samples, calibration: undefined };
const NOTHING: JudgingData = { by: 'none', samples: undefined, calibration: undefined };

test('every class gets the same candidates but for what its kernels like', (t) => {
  const plan = (arch: string, isa: string) =>
    planRebuild(card({}), target(arch, isa), 0.02, { runtime: true, data: FULL }).specs;
  const [vnni, avx2, arm] = [plan('x64', 'avx512vnni'), plan('x64', 'avx2'), plan('arm64', 'dotprod')];
  const bits = (specs: typeof vnni): unknown =>
    specs.find(({ name }) => name === 'int8-static')?.options.weightBits;
  t.deepEqual([vnni, avx2, arm].map(bits), [8, 7, 8]);
  t.deepEqual(
    arm.map(({ name }) => name).filter((name) => !vnni.some((other) => other.name === name)),
    ['int8-static/int8'],
  );
  t.is(vnni[0]?.name, 'original');
  t.is(vnni.find(({ name }) => name === 'int8-static')?.options.maxDrop, 0.02);
});

const SKIPPED: [string, object, boolean, JudgingData, string[], RegExp][] = [
  [
    'what the publisher does not allow',
    { rebuild: { allow: ['fp16'] } },
    true,
    FULL,
    ['original', 'fp16'],
    /publisher/,
  ],
  ['everything without data to judge by', {}, true, NOTHING, ['original'], /data to judge/],
  ['everything without a runtime to build with', {}, false, FULL, ['original'], /no runtime/],
  [
    'int8-static without calibration data',
    { rebuild: { allow: ['optimize', 'int8-static'] } },
    true,
    UNCALIBRATED,
    ['original', 'optimize'],
    /publisher|calibration/,
  ],
];
for (const [what, fields, runtime, data, names, reason] of SKIPPED)
  test(`not built, with the reason: ${what}`, (t) => {
    const plan = planRebuild(card(fields), target('x64', 'avx2'), 0.01, { runtime, data });
    t.deepEqual(
      plan.specs.map(({ name }) => name),
      names,
    );
    t.true(plan.skipped.length > 0);
    for (const { problem, build } of plan.skipped) {
      t.regex(problem ?? '', reason);
      t.is(build, undefined);
    }
  });

function judged(name: string, build: number, problem?: string): Candidate {
  return {
    name,
    recipe: name === 'original' ? 'original' : 'fp16',
    options: {},
    build: samples,
    accuracy: { metric: 'top1', labelled: true, samples: 9, original: 0.9, build },
    ...(problem === undefined ? {} : { problem }),
  };
}

test('a node is asked about what is accurate enough, and about the original whatever it did here', (t) => {
  const all = [
    judged('original', 0.9, 'it did not run here'),
    judged('good', 0.895),
    judged('bad', 0.8),
    judged('broken', 0.9, 'it crashed'),
  ];
  t.deepEqual(
    worthTrying(all, { maxDrop: 0.01, objective: 'latency' }).map(({ name }) => name),
    ['original', 'good'],
  );
});

test('of builds that only store the original in fewer bytes a node is asked about the smallest, unless memory counts', (t) => {
  const stored = (recipe: RecipeName, size: number): Candidate => ({
    ...judged(recipe, 0.9),
    recipe,
    build: { ...samples, size },
  });
  const all = [judged('original', 0.9), stored('fp16-weights', 50), stored('int8-weights', 26)];
  const names = (objective: Objective): string[] =>
    worthTrying(all, { maxDrop: 0.01, objective }).map(({ name }) => name);
  t.deepEqual(names('latency'), ['original', 'int8-weights']);
  t.deepEqual(names('size'), ['original', 'int8-weights']);
  t.deepEqual(names('memory'), ['original', 'fp16-weights', 'int8-weights']);
});

test('what a search found on calibration data and misses the floor is built again with less loss allowed, once', (t) => {
  const searched = (build: number): Candidate => ({
    ...judged('int8-static', build),
    recipe: 'int8-static',
    options: { weightBits: 7, maxDrop: 0.02 },
  });
  t.deepEqual(carefulTries([judged('original', 0.9), searched(0.85)], 0.02), [
    { name: 'int8-static/careful', recipe: 'int8-static', options: { weightBits: 7, maxDrop: 0.005 } },
  ]);
  t.deepEqual(carefulTries([searched(0.89)], 0.02), [], 'it met the floor');
  t.deepEqual(carefulTries([{ ...searched(0.85), problem: 'it crashed' }], 0.02), []);
  t.deepEqual(carefulTries([judged('fp16', 0.5)], 0.02), [], 'nothing to search there');
});

const SETTINGS: [Objective, number, string[]][] = [
  ['latency', 1, []],
  ['latency', 2, ['w/threads-2', 'w/threads-2-spin']],
  ['latency', 6, ['w/threads-2', 'w/threads-4', 'w/threads-6', 'w/threads-6-spin']],
  ['throughput', 2, ['w/threads-2']],
  ['memory', 4, ['w/no-pattern', 'w/no-arena', 'w/lean']],
  ['size', 4, []],
];
for (const [objective, threads, names] of SETTINGS)
  test(`settings to try for ${objective} with ${threads} threads: ${names.join(', ') || 'none'}`, (t) => {
    const winner = { ...judged('w', 0.9), verdict: 'chosen', pareto: true };
    const variants = settingsToTry(winner, objective, threads);
    t.deepEqual(
      variants.map(({ name }) => name),
      names,
    );
    for (const { build, accuracy, session, measurement, verdict } of variants) {
      t.deepEqual({ build, accuracy }, { build: winner.build, accuracy: winner.accuracy });
      t.truthy(session);
      t.deepEqual([measurement, verdict], [undefined, undefined]);
    }
  });
