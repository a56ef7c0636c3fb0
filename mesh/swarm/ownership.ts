import { createHash } from 'node:crypto';

/** A number that stands for a peer in `score`. */
export function peerHash(peer: string): number {
  return createHash('sha256').update(peer).digest().readUInt32LE(0);
}

/**
 * Which of several downloaders is to fetch a chunk from a seed, without asking each other: the one with the highest
 * score (rendezvous hashing, Thaler and Ravishankar 1998). Two that know different neighbours still agree on most
 * chunks, and when one leaves only its own chunks change hands.
 */
export function score(hash: number, index: number): number {
  // The finalizer of MurmurHash3 spreads neighbouring indices over the whole range.
  let h = hash ^ Math.imul(index + 1, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** True when no other downloader has a higher score for this chunk. */
export function owns(self: number, others: readonly number[], index: number): boolean {
  const own = score(self, index);
  return others.every((other) => score(other, index) <= own);
}
