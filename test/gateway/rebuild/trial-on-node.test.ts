import test from 'ava';
import { digestOf, silentLogger, type TrialRequest } from '../../../core/index.ts';
import { trialOnNode } from '../../../gateway/rebuild/trial.ts';
import { NodeBusyError } from '../../../node/errors.ts';
import { PeerUnreachableError } from '../../../mesh/index.ts';
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
async function trial(answers: unknown[]): Promise<{ measuredBy: string | undefined; asked: number }> {
  let asked = 0;
  const found = await trialOnNode(
    'class',
    REQUEST,
    [{ name: 'original', recipe: 'original', options: {}, build }],
    {
      mesh: {
        call: async () => {
          const answer = answers[asked];
          asked += 1;
          if (answer instanceof Error) throw answer;
          return answer;
        },
      },
      roster: { ofClass: () => [NODE as RosterNode] },
      log: silentLogger,
    },
    new AbortController().signal,
  );
  return { measuredBy: found?.measuredBy, asked };
}

test('a node that goes away while it measures is asked once more', async (t) => {
  const gone = new PeerUnreachableError('it went away');
  t.deepEqual(await trial([gone, MEASURED]), { measuredBy: 'press-1', asked: 2 });
  t.deepEqual(await trial([gone, gone, MEASURED]), { measuredBy: undefined, asked: 2 });
});

test('a busy node is asked again, one that cannot is not', async (t) => {
  t.deepEqual(await trial([new NodeBusyError(), MEASURED]), { measuredBy: 'press-1', asked: 2 });
  t.deepEqual(await trial([new Error('broken'), MEASURED]), { measuredBy: undefined, asked: 1 });
});
