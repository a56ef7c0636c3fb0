import { randomBytes } from 'node:crypto';
import test from 'ava';
import { digestOf } from '../../core/index.ts';
import { MAX_RECENT_BYTES } from '../../mesh/constants.ts';
import { Arrivals } from '../../mesh/swarm/arrivals.ts';
import type { ChunkRequest } from '../../mesh/swarm/blob-messages.ts';

const SIZE = 256 * 1024;
const DIGEST = digestOf('a blob');

function requestOf(index: number): ChunkRequest {
  return { digest: DIGEST, offset: index * SIZE, size: SIZE };
}

/** A chunk that comes and is verified. */
function comes(arrivals: Arrivals, index: number, free: () => void): Uint8Array {
  const request = requestOf(index);
  const arrival = arrivals.expect(index, request);
  if (arrival === undefined) throw new TypeError('it is on its way already');
  const bytes = randomBytes(SIZE);
  arrival.end(bytes);
  arrivals.settled(index, request, arrival, free);
  return bytes;
}

test('a chunk that came is given from memory until newer ones take its place, and its room is free then', async (t) => {
  const arrivals = new Arrivals(() => {});
  const freed: number[] = [];
  const first = comes(arrivals, 0, () => freed.push(0));
  t.true(await arrivals.findRecent(requestOf(0))?.give(async (bytes) => void t.is(bytes, first)));
  const room = MAX_RECENT_BYTES / SIZE;
  for (let index = 1; index <= room + 2; index += 1) comes(arrivals, index, () => freed.push(index));
  await Promise.resolve();
  t.deepEqual(freed, [0, 1, 2]);
  t.is(arrivals.findRecent(requestOf(0)), undefined);
  t.not(arrivals.findRecent(requestOf(3)), undefined);
});

test('the room of a chunk that is just being sent is not free before that is done', async (t) => {
  const arrivals = new Arrivals(() => {});
  let freed = false;
  comes(arrivals, 0, () => (freed = true));
  const sending = Promise.withResolvers<void>();
  const given = arrivals.findRecent(requestOf(0))?.give(() => sending.promise);
  arrivals.forget(DIGEST);
  t.is(arrivals.findRecent(requestOf(0)), undefined);
  await Promise.resolve();
  t.false(freed);
  sending.resolve();
  t.true(await given);
  await Promise.resolve();
  t.true(freed);
});

test('a chunk that did not come, or was wrong, is given to nobody', async (t) => {
  const arrivals = new Arrivals(() => {});
  const arrival = arrivals.expect(0, requestOf(0));
  if (arrival === undefined) throw new TypeError('it is on its way already');
  arrival.onPart(randomBytes(SIZE), SIZE - 1);
  arrival.end(undefined);
  let freed = false;
  arrivals.settled(0, requestOf(0), arrival, () => (freed = true));
  t.is(arrivals.findRecent(requestOf(0)), undefined);
  t.false(await arrival.give(async () => t.fail()));
  await Promise.resolve();
  t.true(freed);
});
