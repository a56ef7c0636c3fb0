import test from 'ava';
import { DIAL_BACKOFF_MS, MAX_FOUND_PEERS, YIELD_MS } from '../../mesh/constants.ts';
import { backoffMs } from '../../mesh/discovery/backoff.ts';
import { siteTag } from '../../mesh/discovery/site-tag.ts';
import { Targets } from '../../mesh/discovery/targets.ts';

const NONE: ReadonlySet<string> = new Set();
const AT = ['/ip4/10.0.0.1/tcp/1'];

function make(init: { self?: string; gateway?: string; maxPeers?: number } = {}): Targets {
  return new Targets({ self: 'a', gateway: init.gateway, maxPeers: 8, ...init, random: () => 0 });
}

test('the wait between attempts doubles up to a bound, with half of it left to chance', (t) => {
  t.is(backoffMs(0, 0), DIAL_BACKOFF_MS.first / 2);
  t.is(backoffMs(0, 1), DIAL_BACKOFF_MS.first);
  t.is(backoffMs(3, 1), DIAL_BACKOFF_MS.first * 8);
  t.is(backoffMs(1000, 1), DIAL_BACKOFF_MS.longest);
});

test('every site has its own service tag, short enough for DNS', (t) => {
  t.not(siteTag('north'), siteTag('south'));
  t.regex(siteTag('a very long name of a site '.repeat(10)), /^_[a-z0-9-]{1,62}\._udp\.local$/);
});

test('a host never dials itself', (t) => {
  const targets = make();
  targets.found('a', AT, 0);
  targets.addStatic('/ip4/10.0.0.1/tcp/1/p2p/a', 'a');
  t.deepEqual(targets.take(NONE, 1e9), []);
});

test('of two that find each other one dials at once and the other waits', (t) => {
  const [small, large] = [make({ self: 'a' }), make({ self: 'b' })];
  small.found('b', AT, 0);
  large.found('a', AT, 0);
  t.is(small.take(NONE, 0).length, 1);
  t.is(large.take(NONE, 0).length, 0);
  t.is(large.nextAt(NONE), YIELD_MS);
  t.is(large.take(NONE, YIELD_MS).length, 1);
});

test('a target is not dialled while it is being dialled or connected', (t) => {
  const targets = make();
  targets.found('b', AT, 0);
  const [target] = targets.take(NONE, 0);
  t.is(targets.take(NONE, 0).length, 0);
  if (target !== undefined) targets.succeeded(target, 'b');
  t.is(targets.take(new Set(['b']), 1e9).length, 0);
  t.is(targets.nextAt(new Set(['b'])), undefined);
});

test('failures are waited out, and a new address is tried at once', (t) => {
  const targets = make();
  targets.found('b', AT, 0);
  for (let now = 0, i = 0; i < 4; i += 1) {
    const [target] = targets.take(NONE, now);
    if (target === undefined) return t.fail('nothing to dial');
    targets.failed(target, now);
    const next = targets.nextAt(NONE) ?? 0;
    t.is(next - now, backoffMs(i, 0));
    t.is(targets.take(NONE, next - 1).length, 0);
    now = next;
  }
  const moved = ['/ip4/10.0.0.1/tcp/2'];
  targets.found('b', moved, 10);
  t.deepEqual(targets.take(NONE, 1e9)[0]?.addresses, [...moved, ...AT]);
});

test('the same answer again does not hurry a target that fails', (t) => {
  const targets = make();
  targets.found('b', AT, 0);
  const [target] = targets.take(NONE, 0);
  if (target !== undefined) targets.failed(target, 0);
  const next = targets.nextAt(NONE);
  targets.found('b', AT, 1);
  t.is(targets.nextAt(NONE), next);
});

test('found peers are dialled up to the bound, the gateway and static peers beyond it', (t) => {
  const targets = make({ maxPeers: 2, gateway: 'gw' });
  for (const peer of ['b', 'c', 'd', 'gw']) targets.found(peer, AT, 0);
  targets.addStatic('/ip4/10.0.0.9/tcp/9', undefined);
  const keys = targets.take(NONE, 0).map((target) => target.key);
  t.deepEqual(keys.sort(), ['/ip4/10.0.0.9/tcp/9', 'b', 'c', 'gw']);
  t.is(targets.take(new Set(['b', 'c']), 1e9).length, 0);
});

test('a peer that is lost is dialled again soon, one that hung up at once later', (t) => {
  const [lost, refused] = [make(), make()];
  for (const targets of [lost, refused]) {
    targets.found('b', AT, 0);
    const [target] = targets.take(NONE, 0);
    if (target !== undefined) targets.succeeded(target, 'b');
  }
  lost.lost('b', false, 0);
  refused.lost('b', true, 0);
  t.is(lost.nextAt(NONE), backoffMs(0, 0));
  t.is(refused.nextAt(NONE), backoffMs(3, 0));
});

test('the newest of too many are surplus, never the gateway or a static peer', (t) => {
  const targets = make({ maxPeers: 2, gateway: 'gw' });
  targets.addStatic('/ip4/10.0.0.9/tcp/9/p2p/s', 's');
  t.deepEqual(targets.surplus(['b', 'c', 'd', 's', 'gw'], 1), []);
  t.deepEqual(targets.surplus(['b', 'c', 'd', 'e', 's', 'gw'], 1), ['e']);
});

test('what is found is bounded, and the gateway is never forgotten', (t) => {
  const targets = make({ maxPeers: 1e6, gateway: 'gw' });
  targets.found('gw', AT, 0);
  for (let i = 0; i < MAX_FOUND_PEERS + 50; i += 1) targets.found(`b${i}`, AT, 0);
  const taken = targets.take(NONE, 1e9).map((target) => target.key);
  t.true(taken.length <= MAX_FOUND_PEERS + 1);
  t.true(taken.includes('gw'));
});
