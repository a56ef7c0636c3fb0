import test from 'ava';
import type { TrialOutcome } from '../../../core/index.ts';
import { signTrial } from '../../../trust/index.ts';
import { RebuildBench } from '../../helpers/rebuild-bench.ts';
import { measuredAt } from '../../helpers/told-outcome.ts';

const CARD = { rebuild: { allow: ['fp16-weights' as const, 'int8-weights' as const], keepFloat: [] } };
/** The original takes more, and what it is stored in smaller does not. */
const ONE_FILE_BYTES = 600_000;

test('a model of more than a runtime opens in one file is held against all the same, and only what fits is chosen', async (t) => {
  const bench = await RebuildBench.open(t);
  // By size, which no busy machine changes.
  const job = { ...(await bench.job(CARD)), objective: 'size' as const };
  t.true(job.model.weights.size > ONE_FILE_BYTES);
  const engine = bench.engine({}, bench.measure(), { oneFileBytes: ONE_FILE_BYTES });
  const { report, golden } = await engine.rebuild(job, AbortSignal.timeout(100_000));
  t.is(report.chosen, 'int8-weights');
  t.true(report.predicted, 'no node could open the original to measure against');
  t.deepEqual(bench.trials, []);
  t.truthy(golden);
  const of = (name: string) => report.candidates.find((candidate) => candidate.name === name);
  t.regex(of('original')?.verdict ?? '', /rejected: it takes \d+ bytes, and a runtime opens 600000/);
  for (const name of ['original', 'int8-weights']) t.truthy(of(name)?.measurement, name);
  t.true((of('int8-weights')?.accuracy?.original ?? 0) > 0.5);
});

test('a model of more than a runtime opens in one file, of which nothing smaller is made, is refused', async (t) => {
  const bench = await RebuildBench.open(t);
  const job = await bench.job({ rebuild: { allow: ['optimize'], keepFloat: [] } });
  const engine = bench.engine({}, undefined, { oneFileBytes: ONE_FILE_BYTES });
  await t.throwsAsync(engine.rebuild(job, AbortSignal.timeout(100_000)), {
    code: 'ERR_REBUILD_FAILED',
    message: /a runtime opens 600000 in one file/,
  });
});

test('nodes with little room get the best build that fits, and those with more keep theirs', async (t) => {
  const bench = await RebuildBench.open(t);
  const job = { ...(await bench.job(CARD)), objective: 'latency' as const };
  const signal = AbortSignal.timeout(100_000);
  const engine = bench.engine({}, async (_class, request) => {
    // As on a CPU that pays for the smaller form at every run.
    const results = request.builds.map(({ name }): TrialOutcome => {
      const slow = name === 'original' ? 1 : 2;
      const ratio = { low: slow, median: slow, high: slow };
      return { name, measurement: measuredAt(slow, { ratio }) };
    });
    const signature = signTrial(bench.node, request, results);
    return { measuredBy: 'press-1', results, signed: [{ results, signature }] };
  });
  const roomy = await engine.rebuild({ ...job, diskMiB: 100 }, signal);
  t.is(roomy.report.chosen, 'original');
  const tight = await engine.rebuild({ ...job, diskMiB: 0.5 }, signal);
  t.is(tight.report.chosen, 'int8-weights');
  t.regex(
    tight.report.candidates.find(({ name }) => name === 'original')?.verdict ?? '',
    /^rejected: takes 1 MiB, there are 0.5 MiB of disk for it/,
  );
  t.is((await engine.report({ ...job, diskMiB: 0.5 }))?.chosen, 'int8-weights');
  t.is((await engine.report({ ...job, diskMiB: 100 }))?.chosen, 'original');
  await t.throwsAsync(engine.rebuild({ ...job, diskMiB: 0.1 }, signal), {
    code: 'ERR_REBUILD_FAILED',
    message: /no build of .* fits the disk: there are 0.1 MiB for it/,
  });
});
