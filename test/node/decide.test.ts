import test from 'ava';
import { digestOf, type Install, type InstallState, type Offer } from '../../core/index.ts';
import {
  decideOffer,
  type OfferDecision,
  type OfferFacts,
  planResume,
} from '../../node/agent/decide-offer.ts';
import {
  failedRuntimes,
  isStale,
  hasLost,
  proofsHolding,
  provenRuntimes,
  type RuntimeRecord,
  runtimesToTry,
  sameOutcome,
  withLost,
} from '../../node/agent/decide-runtime.ts';
import { decideAttempt } from '../../node/runtime-host/decide-attempt.ts';

const packageOf = (revision: number): Install['package'] => digestOf(`package ${revision}`);

function offer(revision: number, autoUpdate = true): Offer {
  return {
    deployment: 'labels',
    revision,
    package: packageOf(revision),
    size: 1,
    contentSize: 1,
    summary: 'a package',
    autoUpdate,
    signature: { key: '', signature: '' },
  };
}

function install(revision: number, state: InstallState, code?: string): Install {
  const problem = code === undefined ? {} : { problem: { code, message: '' } };
  return { deployment: 'labels', revision, package: packageOf(revision), state, since: 0, ...problem };
}

const nothing: OfferFacts = { floor: undefined, known: undefined, active: undefined, pushed: true };
const floorAt = (revision: number): OfferFacts['floor'] => ({ revision, package: packageOf(revision) });

const OFFERS: [string, Offer, Partial<OfferFacts>, OfferDecision['do']][] = [
  ['a first offer is installed', offer(1), {}, 'install'],
  ['a first offer needs no consent, auto-update or not', offer(1, false), {}, 'install'],
  ['a later one is installed where auto-update is on', offer(2), { active: install(1, 'active') }, 'install'],
  ['a later one waits where it is off', offer(2, false), { active: install(1, 'active') }, 'await-consent'],
  ['an older one than the floor is refused', offer(1), { floor: floorAt(2) }, 'refuse'],
  [
    'an older one is refused even when it was installed once',
    offer(1),
    { floor: floorAt(2), known: install(1, 'superseded'), active: install(2, 'active') },
    'refuse',
  ],
  [
    'the same revision with another package is refused',
    { ...offer(2), package: packageOf(7) },
    { floor: floorAt(2) },
    'refuse',
  ],
  ['what is active is left alone', offer(1), { floor: floorAt(1), known: install(1, 'active') }, 'ignore'],
  [
    'what is on its way is left alone',
    offer(1),
    { floor: floorAt(1), known: install(1, 'fetching') },
    'ignore',
  ],
  [
    'what failed is tried again when the gateway sends it anew',
    offer(1),
    { floor: floorAt(1), known: install(1, 'failed', 'ERR_PACKAGE_INVALID') },
    'install',
  ],
  [
    'what failed for good is left alone when the node only looks what there is',
    offer(1),
    { floor: floorAt(1), known: install(1, 'failed', 'ERR_PACKAGE_INVALID'), pushed: false },
    'ignore',
  ],
  [
    'what failed for want of a source is tried again in any case',
    offer(1),
    { floor: floorAt(1), known: install(1, 'failed', 'ERR_NO_SOURCE'), pushed: false },
    'install',
  ],
  [
    'what waits for consent goes on when auto-update was turned on',
    offer(2),
    { floor: floorAt(2), known: install(2, 'awaiting-consent'), active: install(1, 'active') },
    'install',
  ],
];

for (const [title, offered, facts, expected] of OFFERS)
  test(`offers: ${title}`, (t) => {
    t.is(decideOffer(offered, { ...nothing, ...facts }).do, expected);
  });

test('a restart runs what the active link says, and puts the record right', (t) => {
  const plan = planResume([install(1, 'active'), install(2, 'checking')], packageOf(2));
  t.is(plan.run?.revision, 2);
  t.is(plan.resume, undefined);
  t.deepEqual(
    plan.repair.map(({ install: { revision }, state }) => [revision, state]),
    [
      [2, 'active'],
      [1, 'superseded'],
    ],
  );
});

test('a restart goes on with what was cut off, beside what runs', (t) => {
  const plan = planResume([install(1, 'active'), install(2, 'fetching')], packageOf(1));
  t.is(plan.run?.revision, 1);
  t.is(plan.resume?.revision, 2);
  t.deepEqual(plan.repair, []);
});

test('a restart does not go back to what a newer version has overtaken', (t) => {
  const plan = planResume([install(2, 'installing'), install(3, 'active')], packageOf(3));
  t.is(plan.run?.revision, 3);
  t.is(plan.resume, undefined);
  t.deepEqual(
    plan.repair.map(({ install: { revision }, state }) => [revision, state]),
    [[2, 'superseded']],
  );
});

const WAYS_BACK: [string, Install[], number, { runs: number; resumes?: number; repairs: string[] }][] = [
  [
    'cut off before the link was set',
    [install(1, 'superseded'), install(2, 'active'), wayBack(3, 'checking')],
    2,
    { runs: 2, resumes: 3, repairs: [] },
  ],
  [
    'cut off after it',
    [install(1, 'superseded'), install(2, 'active'), wayBack(3, 'checking')],
    1,
    { runs: 3, repairs: ['3 active', '2 superseded'] },
  ],
  [
    'cut off where the node had not followed yet',
    [install(1, 'active'), install(2, 'superseded'), wayBack(3, 'fetching')],
    1,
    { runs: 1, resumes: 3, repairs: [] },
  ],
  [
    'arrived',
    [install(1, 'superseded'), install(2, 'superseded'), wayBack(3, 'active')],
    1,
    { runs: 3, repairs: [] },
  ],
];

/** A package of revision 1 under another one. */
function wayBack(revision: number, state: InstallState): Install {
  return { ...install(revision, state), package: packageOf(1) };
}

for (const [title, installs, linked, { runs, resumes, repairs }] of WAYS_BACK)
  test(`a restart and a way back that was ${title}`, (t) => {
    const { run, resume, repair } = planResume(installs, packageOf(linked));
    t.is(run?.revision, runs);
    t.is(resume?.revision, resumes);
    t.deepEqual(
      repair.map(({ install: { revision }, state }) => `${revision} ${state}`),
      repairs,
    );
  });

test('an event is handled once, once more after a crash, and then given up', (t) => {
  t.is(decideAttempt(undefined, 0), 'handle');
  t.is(decideAttempt({ state: 'begun', attempts: 1, actions: 0 }, 1), 'handle');
  t.is(decideAttempt({ state: 'begun', attempts: 2, actions: 0 }, 2), 'give-up');
  t.is(decideAttempt({ state: 'done', attempts: 1, actions: 0 }, 1), 'skip');
  t.is(decideAttempt({ state: 'failed', attempts: 2, actions: 0 }, 2), 'skip');
});

const ground = { node: '24.12.0', arch: 'x64', accelerators: 'a card and its driver' };
const record: RuntimeRecord = {
  name: 'onnxruntime-node',
  version: '1.30.0',
  digest: digestOf('runtime'),
  node: ground.node,
  arch: ground.arch,
  proofs: [
    { provider: 'webgpu', ok: false, problem: 'no device', on: ground.accelerators },
    { provider: 'cpu', ok: true },
  ],
};

test('a runtime is tried once for each Node.js, a failed one too', (t) => {
  const offered = {
    name: record.name,
    version: record.version,
    index: digestOf('index'),
    indexSize: 1,
    signature: { key: '', signature: '' },
    manifest: record.digest,
    manifestSize: 1,
  };
  const failed = { ...record, proofs: [{ provider: 'cpu', ok: false }] };
  t.is(runtimesToTry([offered], [], ground, undefined).length, 1);
  t.is(runtimesToTry([offered], [record], ground, undefined).length, 0);
  t.is(runtimesToTry([offered], [failed], ground, undefined).length, 0);
  t.is(runtimesToTry([offered], [record], { ...ground, node: '24.13.0' }, undefined).length, 1);
  t.is(runtimesToTry([offered], [], ground, ['onnxruntime-web']).length, 0);
});

test('only what ran is listed as proven', (t) => {
  const { name, version, digest } = record;
  t.deepEqual(provenRuntimes([record], ground), [{ name, version, digest, provider: 'cpu' }]);
  t.deepEqual(provenRuntimes([record], { ...ground, arch: 'arm64' }), []);
  const problem = 'no device';
  t.deepEqual(failedRuntimes([record], ground), [{ name, version, provider: 'webgpu', problem }]);
  t.deepEqual(failedRuntimes([record], { ...ground, arch: 'arm64' }), []);
});

test('an accelerator is tried again with other devices or drivers, the CPU with another Node.js alone', (t) => {
  const newDriver = { ...ground, accelerators: 'the card and another driver' };
  t.false(isStale(record, ground));
  t.true(isStale(record, newDriver));
  t.deepEqual(
    proofsHolding(record, newDriver).map(({ provider }) => provider),
    ['cpu'],
  );
  t.deepEqual(proofsHolding(record, { ...ground, node: '24.13.0' }), []);
  t.deepEqual(failedRuntimes([record], newDriver), failedRuntimes([record], ground), 'believed until then');
});

test('an accelerator that worked and does not is lost, and stays so until it works again', (t) => {
  const works = { provider: 'webgpu', ok: true, on: 'a card' };
  const fails = { provider: 'webgpu', ok: false, problem: 'no driver', on: '' };
  const cpu = { provider: 'cpu', ok: false, problem: 'no such instruction' };
  const [lost = fails] = withLost([fails], [works]);
  t.true(hasLost({ ...record, proofs: [lost] }, ground));
  t.deepEqual(withLost([fails], [lost]), [lost]);
  t.deepEqual(withLost([works], [lost]), [works]);
  t.deepEqual(withLost([fails], []), [fails], 'what never worked is not waited for');
  t.deepEqual(withLost([cpu], [{ provider: 'cpu', ok: true }]), [cpu]);
  t.false(hasLost({ ...record, node: 'another', proofs: [lost] }, ground));
  t.true(sameOutcome([lost], [fails]));
  t.false(sameOutcome([lost], [works]));
});
