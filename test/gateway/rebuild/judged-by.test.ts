import test from 'ava';
import type { JudgedBy, ModelCard, RecipeName } from '../../../core/index.ts';
import { RebuildBench } from '../../helpers/rebuild-bench.ts';

const allow: RecipeName[] = ['optimize'];
const CARD: Partial<ModelCard> = { rebuild: { allow, keepFloat: [] } };
/** The sample set as calibration data; the card names no other. */
const UNLABELLED = { ...CARD, validation: undefined, calibration: 'validation.cbor' } as Partial<ModelCard>;
const NOTHING = { ...CARD, validation: undefined } as Partial<ModelCard>;

const CASES: { what: string; card: Partial<ModelCard>; samples: number; by: JudgedBy; judged: number }[] = [
  { what: 'samples that are held back', card: UNLABELLED, samples: 15, by: 'held-out', judged: 5 },
  { what: 'all samples where there are few', card: UNLABELLED, samples: 6, by: 'calibration', judged: 6 },
];

for (const { what, card, samples, by, judged } of CASES)
  test(`without validation data builds are judged by agreement on ${what}`, async (t) => {
    const bench = await RebuildBench.open(t);
    const job = await bench.job(card, { samples });
    const { report, golden } = await bench.engine().rebuild(job, AbortSignal.timeout(100_000));
    t.is(report.judgedBy, by);
    const optimized = report.candidates.find(({ name }) => name === 'optimize');
    t.is(optimized?.accuracy?.labelled, false, JSON.stringify(optimized));
    t.is(optimized?.accuracy?.samples, judged);
    t.truthy(golden);
  });

test('without any data nothing but the original is accepted', async (t) => {
  const bench = await RebuildBench.open(t);
  const job = await bench.job(NOTHING);
  const { report, golden } = await bench.engine().rebuild(job, AbortSignal.timeout(100_000));
  t.is(report.judgedBy, 'none');
  t.is(report.chosen, 'original');
  t.is(golden, undefined);
  const optimized = report.candidates.find(({ name }) => name === 'optimize');
  t.is(
    optimized?.verdict,
    'not built: the model comes without validation or calibration data to judge a build by',
  );
});
