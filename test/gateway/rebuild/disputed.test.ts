import test from 'ava';
import type { TrialOutcome } from '../../../core/index.ts';
import { RebuildBench } from '../../helpers/rebuild-bench.ts';
import { agreesOn, measuredAt } from '../../helpers/told-outcome.ts';

const CARD = { rebuild: { allow: ['optimize' as const], keepFloat: [] } };

/** What a node says of a build that it finds so good, at half of the original's time. */
function outcome(name: string, samples: number, build: number): TrialOutcome {
  const measurement = measuredAt(name === 'original' ? 10 : 5);
  return { name, accuracy: agreesOn(build, samples), measurement };
}

for (const [what, onAll, chosen] of [
  ['was an accident', 1, 'optimize'],
  ['is confirmed', 0.5, 'original'],
] as const)
  test(`a build that a node finds wanting on few samples is judged there on all: what ${what}`, async (t) => {
    const bench = await RebuildBench.open(t);
    const job = { ...(await bench.job(CARD, { samples: 20 })), maxDrop: 0.01 };
    const asked: number[] = [];
    const engine = bench.engine({ samples: 100 }, async (_class, { builds, budget: { samples } }) => {
      asked.push(samples);
      const build = samples < 20 ? 1 - 1 / samples : onAll;
      const results = builds.map(({ name }) => outcome(name, samples, name === 'original' ? 1 : build));
      return { measuredBy: 'press-1', results };
    });
    const { report } = await engine.rebuild(job, AbortSignal.timeout(100_000));
    t.deepEqual(asked, [16, 100]);
    t.is(report.chosen, chosen, JSON.stringify(report.candidates));
  });
