import test from 'ava';
import {
  type Candidate,
  chosenOf,
  digestOf,
  hardwareClass,
  type HardwareClass,
  type RecipeName,
  type TrialOutcome,
} from '../../../core/index.ts';
import { settingsToTry } from '../../../gateway/rebuild/settings.ts';
import { whereToRun } from '../../../gateway/rebuild/where.ts';
import { RebuildBench } from '../../helpers/rebuild-bench.ts';
import { agreesOn, measuredAt } from '../../helpers/told-outcome.ts';

const CARD = { rebuild: { allow: ['fp16' as const], keepFloat: [] } };

function onWebgpu(target: HardwareClass): HardwareClass {
  return hardwareClass({ ...target, runtime: { ...target.runtime, provider: 'webgpu' } });
}

/** What a node says whose graphics processor takes so many times what its CPU does. */
function outcomes(names: readonly string[], samples: number, times: number): TrialOutcome[] {
  return names.map((name) => {
    const isOnGraphics = name.endsWith('/webgpu');
    const p50Ms = isOnGraphics ? 10 * times * (name.startsWith('fp16') ? 0.5 : 1) : 10;
    const measured = { name, accuracy: agreesOn(1, samples), measurement: measuredAt(p50Ms) };
    return isOnGraphics ? { ...measured, onCpu: ['Resize'] } : measured;
  });
}

test('what an accelerator may run is measured there and on the CPU, the rest on the CPU alone', (t) => {
  const recipes: RecipeName[] = [
    'original',
    'optimize',
    'fp16',
    'int4-weights',
    'int8-dynamic',
    'int8-static',
  ];
  const candidates = recipes.map((recipe): Candidate => ({ name: recipe, recipe, options: {} }));
  const runtime = { name: 'onnxruntime-node', version: '1.30.0', digest: digestOf('r'), provider: 'cpu' };
  const plain = hardwareClass({ os: 'linux', arch: 'x64', libc: '', isa: 'avx2', memoryBand: 'm', runtime });
  t.deepEqual(whereToRun(candidates, plain), candidates);
  const placed = whereToRun(candidates, onWebgpu(plain));
  const names = (onCpu: boolean): string[] =>
    placed.filter(({ session }) => session?.onCpu === onCpu).map(({ name }) => name);
  t.deepEqual(names(true), recipes);
  t.deepEqual(names(false), ['original/webgpu', 'fp16/webgpu', 'int4-weights/webgpu']);
  const [first] = placed;
  const last = placed.at(-1);
  if (first === undefined || last === undefined) throw new Error('there are none');
  t.deepEqual(settingsToTry(first, 'latency', 2)[0]?.session, { onCpu: true, threads: 2 });
  t.deepEqual(settingsToTry(last, 'latency', 2), []);
});

test('a class with an accelerator runs a model there where that is faster, or where the app was granted it', async (t) => {
  const bench = await RebuildBench.open(t);
  const made = await bench.job(CARD, { samples: 20 });
  const job = { ...made, target: onWebgpu(made.target) };
  t.true(job.target.id.endsWith('-webgpu'));
  const asked: string[] = [];
  const rebuild = async (times: number, onAccelerator?: boolean) => {
    asked.length = 0;
    // Facts of a class are kept: each speed of a graphics processor is another machine.
    const target = { ...job.target, id: `${job.target.id}-${times}-${onAccelerator}` };
    const engine = bench.engine({ samples: 100 }, async (_class, { builds, budget }) => {
      asked.push(`${builds.map(({ name }) => name).join(' ')} on ${budget.samples}`);
      return {
        measuredBy: 'press-1',
        results: outcomes(
          builds.map(({ name }) => name),
          budget.samples,
          times,
        ),
      };
    });
    return (await engine.rebuild({ ...job, target, onAccelerator }, AbortSignal.timeout(100_000))).report;
  };

  const unmeasured = bench.engine({ samples: 100 }, async () => undefined);
  const { report } = await unmeasured.rebuild(job, AbortSignal.timeout(100_000));
  t.true(report.predicted);
  t.deepEqual(chosenOf(report).session, { onCpu: true });

  const fast = await rebuild(0.4);
  t.is(fast.chosen, 'fp16/webgpu', JSON.stringify(fast.candidates));
  t.deepEqual(chosenOf(fast).session, { onCpu: false });
  t.deepEqual(asked, ['original fp16 fp16/webgpu original/webgpu on 16', 'original fp16/webgpu on 100']);
  t.true(chosenOf(fast).notes?.includes('the accelerator has no Resize for it: the CPU runs those'));

  const slow = await rebuild(300);
  t.false(chosenOf(slow).session?.onCpu === false);
  t.regex(slow.candidates.find(({ name }) => name === 'fp16/webgpu')?.verdict ?? '', /takes 150\.00 times/);

  const granted = await rebuild(300, true);
  t.is(granted.chosen, 'fp16/webgpu');
  t.regex(
    granted.candidates.find(({ name }) => name === 'original')?.verdict ?? '',
    /^rejected: it runs on the CPU, and only what runs on the accelerator will do/,
  );
});
