import test from 'ava';
import { advanceRollout, digestOf } from '../../../core/index.ts';
import {
  beginRollout,
  resumeRollout,
  supersedeRollout,
  unsettledNodes,
} from '../../../gateway/rollouts/begin.ts';
import type { DeploymentRecord } from '../../../gateway/rollouts/index.ts';
import { type Share, whatIsNew } from '../../../gateway/rollouts/share.ts';
import { labelsPackage, labelsRecord, labelsShare as share } from '../../helpers/labels-rollout.ts';

/** The deployment at revision 3, as some nodes have it. */
function record(autoUpdate: boolean, had: Share[] = []): DeploymentRecord {
  const offer = { ...labelsPackage(3), revision: 3, autoUpdate: true };
  return {
    ...labelsRecord(autoUpdate),
    revision: 3,
    shares: Object.fromEntries(had.map((one) => [one.node, one])),
    offers: Object.fromEntries(had.map((one) => [one.node, offer])),
  };
}

const options = { asked: false, now: 5, isConnected: () => true };

test('the first wave is one node, and one that is connected', (t) => {
  const { rollout } = beginRollout(record(true), [share('a'), share('b'), share('c')], {
    ...options,
    isConnected: (node) => node === 'b',
  });
  t.deepEqual(
    rollout.rollout.nodes.map(({ node, wave }) => [node, wave]),
    [
      ['b', 0],
      ['a', 1],
      ['c', 1],
    ],
  );
  t.is(rollout.rollout.revision, 4);
});

const CONSENT: [string, boolean, boolean, Record<string, boolean>][] = [
  [
    'an update without auto-update waits; a node that is new to the deployment does not',
    false,
    false,
    { a: false, b: true },
  ],
  ['an update with auto-update does not wait', true, false, { a: true, b: true }],
  ['what a person asked for does not wait', false, true, { a: true, b: true }],
];
for (const [what, autoUpdate, asked, expected] of CONSENT)
  test(`consent: ${what}`, (t) => {
    const begun = beginRollout(record(autoUpdate, [share('a')]), [share('a', '2.0.0'), share('b', '2.0.0')], {
      ...options,
      asked,
    });
    t.deepEqual(begun.rollout.consent, expected);
  });

test('a rollout says what is new in it', (t) => {
  t.is(whatIsNew([share('a', '2.0.0')], { a: share('a') }), 'ocr 1.0.0 → 2.0.0');
  t.is(whatIsNew([share('b')], { a: share('a') }), 'label-reader 1.0.0 for new nodes');
});

test('a newer rollout takes over the nodes that an older one has not brought to rest', (t) => {
  const { rollout } = beginRollout(record(true), [share('a'), share('b')], options).rollout;
  const packages = { a: { package: digestOf('p'), hardwareClass: '' } };
  const rolling = advanceRollout(rollout, { type: 'planned', packages }, 6);
  const half = advanceRollout(rolling, { type: 'install', node: 'a', state: 'active' }, 7);
  t.deepEqual(unsettledNodes(half), ['b']);
  const over = supersedeRollout(half, 8);
  t.deepEqual(
    over.nodes.map(({ state }) => state),
    ['active', 'superseded'],
  );
  t.is(over.state, 'done');
  t.is(over.endedAt, 8);
});

test('a paused rollout that is resumed tries failed nodes again, and all waves', (t) => {
  const { rollout } = beginRollout(record(true), [share('a'), share('b')], options).rollout;
  const packed = { package: digestOf('p'), hardwareClass: '' };
  const rolling = advanceRollout(rollout, { type: 'planned', packages: { a: packed, b: packed } }, 6);
  const problem = { code: 'ERR_X', message: 'x' };
  const failed = advanceRollout(rolling, { type: 'install', node: 'a', state: 'failed', problem }, 7);
  t.is(failed.state, 'paused');
  const resumed = resumeRollout(failed, 8);
  t.is(resumed.state, 'rolling');
  t.deepEqual(
    resumed.nodes.map(({ state }) => state),
    ['pending', 'pending'],
  );
  t.is(resumed.wave, 1);
  t.is(resumed.problem, undefined);
});

test('a rollout that is resumed builds what it has no package for', (t) => {
  const { rollout } = beginRollout(record(true), [share('a'), share('b')], options).rollout;
  const packed = { package: digestOf('p'), hardwareClass: '' };
  const rolling = advanceRollout(rollout, { type: 'planned', packages: { b: packed } }, 6);
  const failed = advanceRollout(rolling, { type: 'install', node: 'a', state: 'failed' }, 7);
  const resumed = resumeRollout(failed, 8);
  t.is(resumed.state, 'rebuilding');
  t.is(resumed.nodes[0]?.state, 'pending');
});
