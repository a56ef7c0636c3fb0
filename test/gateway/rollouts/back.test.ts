import test from 'ava';
import { agedOut, goBack } from '../../../gateway/rollouts/back.ts';
import type { DeploymentRecord, RolloutRecord } from '../../../gateway/rollouts/records.ts';
import {
  LABELS_APP,
  labelsPackage as packed,
  labelsRecord,
  labelsShare as share,
} from '../../helpers/labels-rollout.ts';

/** A rollout of a version of the model to some nodes, and on which of them it became active. */
function rollout(
  revision: number,
  version: string,
  nodes: string[],
  { ran = nodes, since }: { ran?: string[]; since?: number } = {},
): RolloutRecord {
  const of = <T>(value: (node: string) => T): Record<string, T> =>
    Object.fromEntries(nodes.map((node) => [node, value(node)]));
  return {
    rollout: {
      id: `labels-${revision}`,
      deployment: 'labels',
      revision,
      state: 'done',
      summary: '',
      wave: 0,
      nodes: nodes.map((node) => ({ node, name: node, wave: 0, hardwareClass: 'any', state: 'active' })),
      startedAt: 0,
    },
    consent: {},
    packages: of(() => packed(revision)),
    ran,
    since,
    made: {
      spec: labelsRecord().spec,
      app: LABELS_APP,
      models: { reader: { name: 'ocr', version } },
      shares: of((node) => share(node, version)),
    },
  };
}

/** The deployment after its rollouts: every node was offered what the last one with it had. */
function after(rollouts: RolloutRecord[]): DeploymentRecord {
  const record = labelsRecord();
  for (const { rollout: about, packages, made } of rollouts) {
    record.revision = about.revision;
    record.models = made?.models ?? {};
    Object.assign(record.shares, made?.shares);
    for (const [node, one] of Object.entries(packages))
      record.offers[node] = { ...one, revision: about.revision, autoUpdate: true };
  }
  return record;
}

function ways(rollouts: RolloutRecord[], to?: number): string {
  const back = goBack(after(rollouts), rollouts, { to, now: 5 });
  const nodes = back.nodes.map((way) => `${way.node} ${way.how}${way.how === 'anew' ? '' : way.revision}`);
  return `${back.to}: ${nodes.join(', ')}`;
}

test('all nodes go back at once to the package that they had, as a revision of its own', (t) => {
  const rollouts = [rollout(1, '1.0.0', ['a', 'b']), rollout(2, '1.1.0', ['a', 'b'])];
  const { to, deployment, rollout: begun } = goBack(after(rollouts), rollouts, { now: 5 });
  t.is(to, 1);
  t.is(begun.rollout.state, 'rolling');
  t.is(begun.rollout.summary, 'back to revision 1: ocr 1.1.0 → 1.0.0');
  t.deepEqual(
    begun.rollout.nodes.map(({ node, wave, state, package: digest }) => [node, wave, state, digest]),
    ['a', 'b'].map((node) => [node, 0, 'pending', packed(1).digest]),
  );
  t.deepEqual(begun.consent, { a: true, b: true });
  t.is(begun.packages.a?.packedAs, 1);
  t.is(deployment.revision, 3);
  t.is(deployment.shares.a?.models.reader?.version, '1.0.0');
  t.deepEqual(deployment.spec, {
    ...labelsRecord().spec,
    appVersion: '1.0.0',
    models: { reader: { name: 'ocr', version: '1.0.0' } },
  });
  t.deepEqual(deployment.held, { at: 1, anew: [] });
});

const WAYS: [string, RolloutRecord[], number | undefined, string][] = [
  [
    'a node that joined with the version that is left gets the earlier one anew',
    [rollout(1, '1.0.0', ['a']), rollout(2, '1.1.0', ['a']), rollout(3, '1.1.0', ['b'])],
    undefined,
    '1: a back1, b anew',
  ],
  [
    'nodes that joined at different times go back to what each of them had',
    [rollout(1, '1.0.0', ['a']), rollout(2, '1.0.0', ['b']), rollout(3, '1.1.0', ['a', 'b'])],
    undefined,
    '2: a back1, b back2',
  ],
  [
    'what went over from one rollout into the next is one update',
    [
      rollout(1, '1.0.0', ['a', 'b']),
      rollout(2, '1.1.0', ['a', 'b'], { ran: ['a'] }),
      rollout(3, '1.1.0', ['b', 'c'], { since: 2 }),
    ],
    undefined,
    '1: a back1, b back1, c anew',
  ],
  [
    'a version that never ran is nothing to go back to',
    [rollout(1, '1.0.0', ['a']), rollout(2, '1.1.0', ['a'], { ran: [] }), rollout(3, '1.2.0', ['a'])],
    undefined,
    '2: a back1',
  ],
  [
    'any revision that is remembered can be named',
    [rollout(1, '1.0.0', ['a']), rollout(2, '1.1.0', ['a']), rollout(3, '1.2.0', ['a'])],
    1,
    '1: a back1',
  ],
];
for (const [title, rollouts, to, expected] of WAYS) test(title, (t) => t.is(ways(rollouts, to), expected));

test('a node that was not offered the update yet stays as it is', (t) => {
  const rollouts = [rollout(1, '1.0.0', ['a', 'b']), rollout(2, '1.1.0', ['a', 'b'], { ran: [] })];
  const record = after(rollouts);
  record.offers.b = { ...packed(1), revision: 1, autoUpdate: true };
  const back = goBack(record, rollouts, { now: 5 });
  t.deepEqual(
    back.nodes.map(({ node, how }) => [node, how]),
    [
      ['a', 'back'],
      ['b', 'stays'],
    ],
  );
  t.deepEqual(
    back.rollout.rollout.nodes.map(({ node }) => node),
    ['a'],
  );
});

test('a second time goes one update further back, and a named revision forward again', (t) => {
  const rollouts = [1, 2, 3].map((revision) => rollout(revision, `1.${revision}.0`, ['a']));
  const once = goBack(after(rollouts), rollouts, { now: 5 });
  t.is(once.to, 2);
  const told = [...rollouts, once.rollout];
  const record = {
    ...once.deployment,
    offers: { a: { ...packed(2), packedAs: 2, revision: 4, autoUpdate: true } },
  };
  const twice = goBack(record, told, { now: 5 });
  t.is(twice.to, 1);
  t.is(twice.rollout.rollout.revision, 5);
  t.is(goBack(record, told, { to: 3, now: 5 }).rollout.packages.a?.packedAs, 3);
});

test('where nothing ran before there is nothing to go back to, and it says what there is', (t) => {
  const first = [rollout(1, '1.0.0', ['a'])];
  t.throws(() => goBack(after(first), first, { now: 5 }), { code: 'ERR_NO_EARLIER_VERSION' });
  const two = [...first, rollout(2, '1.1.0', ['a'])];
  for (const to of [2, 7])
    t.throws(() => goBack(after(two), two, { to, now: 5 }), {
      code: 'ERR_NO_EARLIER_VERSION',
      message: /those that did: 1, 2$/,
    });
});

test('only the newest rollouts are remembered', (t) => {
  const rollouts = [1, 2, 3, 4, 5, 6, 7].map((revision) => rollout(revision, `1.${revision}.0`, ['a']));
  const aged = agedOut(rollouts);
  t.deepEqual(
    aged.map(({ rollout: { revision }, made }) => [revision, made]),
    [
      [2, undefined],
      [1, undefined],
    ],
  );
});
