import test from 'ava';
import type { TrialOutcome } from '../../../core/index.ts';
import { RebuildBench } from '../../helpers/rebuild-bench.ts';
import { agreesOn, measuredAt } from '../../helpers/told-outcome.ts';

const CARD = { rebuild: { allow: ['fp16' as const, 'int8-weights' as const], keepFloat: [] } };

/** What a node says of a build: half precision takes a quarter of the time there. */
function outcome(name: string, samples: number, build: number): TrialOutcome {
  const measurement = measuredAt({ original: 10, fp16: 2.5 }[name] ?? 5);
  return { name, accuracy: agreesOn(build, samples), measurement };
}

for (const [what, onAll, chosen, samples] of [
  ['holds there', 0.995, 'fp16', 100],
  ['misses the floor there', 0.9, 'int8-weights', undefined],
] as const)
  test(`a build that calculates otherwise is judged by its class on all samples: one that ${what}`, async (t) => {
    const bench = await RebuildBench.open(t);
    const job = { ...(await bench.job(CARD, { samples: 20 })), maxDrop: 0.01 };
    const asked: string[] = [];
    const engine = bench.engine({ samples: 100 }, async (_class, { builds, budget }) => {
      asked.push(`${builds.map(({ name }) => name).join(' ')} on ${budget.samples}`);
      const results = builds.map(({ name }) =>
        outcome(name, budget.samples, name === 'fp16' && budget.samples > 16 ? onAll : 1),
      );
      return { measuredBy: 'press-1', results };
    });
    const { report } = await engine.rebuild(job, AbortSignal.timeout(100_000));
    t.is(report.chosen, chosen, JSON.stringify(report.candidates));
    t.deepEqual(asked, ['original int8-weights fp16 on 16', 'original fp16 on 100']);
    const fp16 = report.candidates.find(({ name }) => name === 'fp16');
    t.is(fp16?.accuracy?.build, onAll);
    t.is(fp16?.measurement?.p50Ms, 2.5);
    t.true(fp16?.notes?.some((note) => note.startsWith("on the class's own hardware, 100 samples")));
    if (samples === undefined) t.regex(fp16?.verdict ?? '', /^rejected: binary falls by 0\.1/);
  });
