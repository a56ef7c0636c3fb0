import test from 'ava';
import { digestOf, silentLogger, type TrialOutcome, type TrialRequest } from '../../../core/index.ts';
import { agreed } from '../../../gateway/rebuild/agree.ts';
import { type MeasureOptions, trialOnNode } from '../../../gateway/rebuild/trial-on-node.ts';
import { NodeBusyError } from '../../../node/errors.ts';
import { PeerUnreachableError, peerIdOf } from '../../../mesh/index.ts';
import { generateKeyPair, signTrial } from '../../../trust/index.ts';
import type { RosterNode } from '../../../gateway/roster/index.ts';
import { sampleConfiguration } from '../../helpers/sample-site.ts';
import { measuredAt } from '../../helpers/told-outcome.ts';

const build = { digest: digestOf('build'), size: 5 };
const REQUEST: TrialRequest = {
  runtime: { manifest: digestOf('runtime'), manifestSize: 7, provider: 'cpu' },
  metric: { kind: 'top1', output: 'y' },
  builds: [{ name: 'original', ...build }],
  validation: { digest: digestOf('samples'), size: 9 },
  budget: { samples: 8, runs: 5, milliseconds: 1000 },
};
const NODE = { id: 'one', name: 'press-1', configuration: sampleConfiguration([], ''), connected: true };
const MEASURED = { results: [{ name: 'original', problem: 'measured' }] };

/** Trials one after the other: an error is thrown, anything else is the answer. */
async function trial(
  answers: unknown[],
  options: Partial<MeasureOptions> = {},
  id = NODE.id,
): Promise<{ measuredBy: string | undefined; asked: number; signed: boolean }> {
  let asked = 0;
  const found = await trialOnNode(
    'class',
    REQUEST,
    {
      most: 2,
      mesh: {
        call: async () => {
          const answer = answers[asked];
          asked += 1;
          if (answer instanceof Error) throw answer;
          return answer;
        },
      },
      roster: { ofClass: () => [{ ...NODE, id } as RosterNode] },
      log: silentLogger,
    },
    { patient: true, signal: new AbortController().signal, ...options },
  );
  return { measuredBy: found?.measuredBy, asked, signed: found?.signed !== undefined };
}

test('a node that goes away while it measures is asked once more', async (t) => {
  const gone = new PeerUnreachableError('it went away');
  t.deepEqual(await trial([gone, MEASURED]), { measuredBy: 'press-1', asked: 2, signed: false });
  t.deepEqual(await trial([gone, gone, MEASURED]), { measuredBy: undefined, asked: 2, signed: false });
});

test('a busy node is asked again, one that cannot is not', async (t) => {
  t.deepEqual(await trial([new NodeBusyError(), MEASURED]), {
    measuredBy: 'press-1',
    asked: 2,
    signed: false,
  });
  t.deepEqual(await trial([new Error('broken'), MEASURED]), {
    measuredBy: undefined,
    asked: 1,
    signed: false,
  });
});

test('who can come again later does not wait for a busy node', async (t) => {
  const impatient = await trial([new NodeBusyError(), MEASURED], { patient: false });
  t.deepEqual(impatient, { measuredBy: undefined, asked: 1, signed: false });
});

test('signed results must be signed by the node, over this request', async (t) => {
  const keyPair = generateKeyPair();
  const id = peerIdOf(keyPair.publicKey);
  const { results } = MEASURED;
  const good = { results, signature: signTrial(keyPair, REQUEST, results) };
  t.deepEqual(await trial([good], {}, id), { measuredBy: 'press-1', asked: 1, signed: true });
  const other = { ...REQUEST, budget: { ...REQUEST.budget, runs: 6 } };
  const refused = { measuredBy: undefined, asked: 1, signed: false };
  const wrong = [
    { results, signature: signTrial(generateKeyPair(), REQUEST, results) },
    { results, signature: signTrial(keyPair, other, results) },
    { results: [{ name: 'original', problem: 'another' }], signature: good.signature },
  ];
  for (const answer of wrong) t.deepEqual(await trial([answer], {}, id), refused);
});

/** Three nodes of the class; each answers as it is told, and is asked no more often than that. */
async function threeNodes(
  answers: Record<string, unknown>,
  options: Partial<MeasureOptions & { most: 1 | 2 }> = {},
): Promise<{ found: Awaited<ReturnType<typeof trialOnNode>>; asked: string[] }> {
  const asked: string[] = [];
  const nodes = Object.keys(answers).map((id) => ({ ...NODE, id, name: id }) as RosterNode);
  const { most = 2, ...rest } = options;
  const found = await trialOnNode(
    'class',
    REQUEST,
    {
      most,
      mesh: {
        call: async (id) => {
          asked.push(id);
          const answer = answers[id];
          if (answer instanceof Error) throw answer;
          return answer;
        },
      },
      roster: { ofClass: () => nodes },
      log: silentLogger,
    },
    { patient: true, signal: new AbortController().signal, ...rest },
  );
  return { found, asked };
}

function timed(name: string, ratio: [low: number, median: number, high: number], memory = 10): TrialOutcome {
  const [low, median, high] = ratio;
  const more = { peakMemoryMiB: memory, ratio: { low, median, high } };
  return { name, measurement: measuredAt(median, more) };
}

const ORIGINAL = timed('original', [1, 1, 1]);

test('two idle nodes of a class measure at the same time, and a third is left alone', async (t) => {
  const one = { results: [ORIGINAL, timed('int8', [0.45, 0.5, 0.55])] };
  const other = { results: [ORIGINAL, timed('int8', [0.5, 0.6, 0.65], 30)] };
  const { found, asked } = await threeNodes({ one, other, third: one });
  t.deepEqual(asked, ['one', 'other']);
  t.is(found?.measuredBy, 'one and other');
  const [, int8] = found?.results ?? [];
  t.deepEqual(int8?.measurement?.ratio, { low: 0.45, median: Math.sqrt(0.5 * 0.6), high: 0.65 });
  t.is(int8?.measurement?.peakMemoryMiB, 30);
  t.is(int8?.measurement?.runs, 60);

  const { asked: alone } = await threeNodes({ one, other }, { most: 1 });
  t.deepEqual(alone, ['one']);
});

test('nobody waits for a second node, and one that fails is replaced', async (t) => {
  const good = { results: [ORIGINAL] };
  const busy = await threeNodes({ one: good, other: new NodeBusyError() });
  t.deepEqual([busy.found?.measuredBy, busy.asked], ['one', ['one', 'other']]);
  const { found, asked } = await threeNodes({ one: new Error('broken'), other: good, third: good });
  t.deepEqual(asked.toSorted(), ['one', 'other', 'third']);
  t.is(found?.measuredBy, 'third and other');
  const empty = { results: [{ name: 'original', problem: 'no memory' }] };
  t.is((await threeNodes({ one: empty, other: good })).found?.measuredBy, 'other');
});

test('where nodes of one class do not agree, the range holds both, and a failure on one is a failure', (t) => {
  const accuracy = { metric: 'top1', labelled: true, samples: 16, original: 1 };
  const { results, disputed } = agreed([
    {
      node: 'one',
      results: [
        ORIGINAL,
        { ...timed('fast', [0.4, 0.45, 0.5]), accuracy: { ...accuracy, build: 1 } },
        timed('broken', [0.4, 0.45, 0.5]),
      ],
    },
    {
      node: 'other',
      results: [
        ORIGINAL,
        { ...timed('fast', [1.1, 1.2, 1.3]), accuracy: { ...accuracy, build: 0.5 } },
        { name: 'broken', problem: 'it crashed' },
      ],
    },
  ]);
  t.deepEqual(disputed, ['fast', 'broken']);
  const [, fast, broken] = results;
  t.like(fast?.measurement?.ratio, { low: 0.4, high: 1.3 });
  t.is(fast?.accuracy?.build, 0.5);
  t.is(broken?.problem, 'on other: it crashed');
});
