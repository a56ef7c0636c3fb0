import test from 'ava';
import { AVX2, RebuildBench, VNNI } from '../../helpers/rebuild-bench.ts';

const CARD = { rebuild: { allow: ['optimize' as const], keepFloat: [] } };

test('a class that nobody can measure on goes by the nearest one, until a node of it can', async (t) => {
  const bench = await RebuildBench.open(t);
  const [vnni, avx2] = [await bench.job(CARD, { features: VNNI }), await bench.job(CARD, { features: AVX2 })];
  const signal = AbortSignal.timeout(100_000);
  let there = [vnni.target.id];
  const engine = bench.engine(
    {},
    bench.measure((hardwareClass) => there.includes(hardwareClass)),
  );
  const { report: measured } = await engine.rebuild(vnni, signal);
  t.false(measured.predicted);

  const { report: predicted } = await engine.rebuild(avx2, signal);
  t.true(predicted.predicted);
  t.is(predicted.measuredBy, vnni.target.id);
  const figures = (of: typeof measured): unknown[] =>
    of.candidates.filter(({ build }) => build !== undefined).map(({ measurement }) => measurement);
  t.deepEqual(figures(predicted), figures(measured));
  t.is(bench.trials.length, 1);
  t.is(await engine.upgrade(avx2, signal), undefined, 'still nobody');
  t.true((await engine.report(avx2))?.predicted);

  there = [avx2.target.id];
  const upgraded = await engine.upgrade(avx2, signal);
  t.is(upgraded?.report.measuredBy, 'press-1');
  t.false(upgraded?.report.predicted);
  t.false((await engine.report(avx2))?.predicted);
  t.is(bench.trials.length, 2);
  t.is(await engine.upgrade(avx2, signal), undefined, 'what is measured is not measured again');
  t.is(bench.trials.length, 2);
});

test('without any class that has measured, the gateway goes by its own figures', async (t) => {
  const bench = await RebuildBench.open(t);
  const job = await bench.job(CARD);
  const engine = bench.engine(
    {},
    bench.measure(() => false),
  );
  const { report } = await engine.rebuild(job, AbortSignal.timeout(100_000));
  t.is(report.measuredBy, 'gateway');
  t.true(report.predicted);
  t.truthy(report.candidates.find(({ name }) => name === 'optimize')?.measurement);
});
