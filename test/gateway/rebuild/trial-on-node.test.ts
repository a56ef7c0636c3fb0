import test from 'ava';
import { digestOf, silentLogger, type TrialRequest } from '../../../core/index.ts';
import { type MeasureOptions, trialOnNode } from '../../../gateway/rebuild/trial-on-node.ts';
import { NodeBusyError } from '../../../node/errors.ts';
import { PeerUnreachableError, peerIdOf } from '../../../mesh/index.ts';
import { generateKeyPair, signTrial } from '../../../trust/index.ts';
import type { RosterNode } from '../../../gateway/roster/index.ts';
import { sampleConfiguration } from '../../helpers/sample-site.ts';

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
  return { measuredBy: found?.measuredBy, asked, signed: found?.signature !== undefined };
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
