import test from 'ava';
import { RebuildBench } from '../../helpers/rebuild-bench.ts';

const DYNAMIC = { rebuild: { allow: ['int8-dynamic' as const], keepFloat: [] } };

test('two who ask for the same at once get one rebuild, and later ones what was found', async (t) => {
  const bench = await RebuildBench.open(t);
  const job = { ...(await bench.job(DYNAMIC)), objective: 'size' as const };
  const engine = bench.engine();
  const signal = AbortSignal.timeout(100_000);
  const [one, other] = await Promise.all([engine.rebuild(job, signal), engine.rebuild(job, signal)]);
  t.is(one, other);
  const later = await engine.rebuild(job, signal);
  t.is(later.report.at, one.report.at);
  t.is(later.build.digest, one.build.digest);
  t.is(one.report.measuredBy, 'gateway');
  t.false(one.report.predicted, 'alone, this machine stands for the class');
  t.is(one.report.judgedBy, 'validation');
  t.truthy(one.golden);
  const int8 = one.report.candidates.find(({ recipe }) => recipe === 'int8-dynamic');
  t.true((int8?.build?.size ?? Infinity) < job.model.weights.size, JSON.stringify(int8));
  t.truthy(int8?.accuracy);
  const fp16 = one.report.candidates.find(({ recipe }) => recipe === 'fp16');
  t.is(fp16?.verdict, 'not built: its publisher does not allow it');
  t.deepEqual(
    bench.events.map(({ type }) => type),
    ['planned', 'built', 'built', 'judged', 'judged', 'measured', 'measured', 'chosen'],
  );
});

test('a build whose process is ended costs that candidate, and the original is chosen', async (t) => {
  const bench = await RebuildBench.open(t);
  const job = await bench.job(DYNAMIC);
  const { report, build, golden } = await bench
    .engine({ memoryMiB: 20 })
    .rebuild(job, AbortSignal.timeout(100_000));
  t.is(report.chosen, 'original');
  t.is(build.digest, job.model.weights.digest);
  const int8 = report.candidates.find(({ recipe }) => recipe === 'int8-dynamic');
  // A build that is quicker than the look at its memory is caught at the next step, its golden vectors.
  t.regex(int8?.problem ?? '', /ERR_MEMORY_EXCEEDED|ERR_CHILD_EXITED|where 20 MiB are granted/);
  t.is(golden, undefined);
});

test('a rebuild that nobody waits for any more ends', async (t) => {
  const bench = await RebuildBench.open(t);
  const engine = bench.engine();
  const job = await bench.job(DYNAMIC);
  const controller = new AbortController();
  const rebuilding = engine.rebuild(job, controller.signal);
  controller.abort(new Error('not wanted any more'));
  await t.throwsAsync(rebuilding, { message: 'not wanted any more' });
  t.is(await engine.report(job), undefined);
});
