import test from 'ava';
import fc from 'fast-check';
import { type Digest, digestOf } from '../../core/index.ts';
import { type BlobStore, choosePrunable } from '../../store/index.ts';

interface Blob {
  size: number;
  usedAt: number;
  kept: boolean;
}

/** A store as far as choosing looks at it. */
function storeOf(blobs: readonly Blob[]): { store: BlobStore; digests: Digest[] } {
  const digests = blobs.map((_, i) => digestOf(String(i)));
  const store: Pick<BlobStore, 'list' | 'lastUsed'> = {
    list: async function* () {
      for (const [i, { size }] of blobs.entries()) yield { digest: digests[i]!, size, takes: size };
    },
    lastUsed: async (digest) => blobs[digests.indexOf(digest)]!.usedAt,
  };
  return { store: store as BlobStore, digests };
}

const NOW = 1000;
const options = { unusedForMs: 100, now: NOW, signal: new AbortController().signal };

test('what is needed or was used lately never goes; of the rest the oldest go until the others fit', async (t) => {
  const blob = fc.record({
    size: fc.integer({ min: 0, max: 50 }),
    usedAt: fc.integer({ min: 0, max: NOW }),
    kept: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(blob, { maxLength: 20 }), fc.nat(300), async (blobs, keepBytes) => {
      const { store, digests } = storeOf(blobs);
      const kept = new Set(digests.filter((_, i) => blobs[i]!.kept));
      const choice = await choosePrunable(store, { ...options, kept, keepBytes });
      const gone = blobs.filter((_, i) => choice.gone.has(digests[i]!));
      const stays = blobs.filter((one, i) => !one.kept && !choice.gone.has(digests[i]!));
      const lately = (one: Blob): boolean => NOW - one.usedAt < options.unusedForMs;
      const sum = (of: readonly Blob[]): number => of.reduce((all, { size }) => all + size, 0);
      const oldestLeft = Math.min(...stays.filter((one) => !lately(one)).map(({ usedAt }) => usedAt));
      return (
        gone.every((one) => !one.kept && !lately(one) && one.usedAt <= oldestLeft) &&
        (sum(stays) <= keepBytes || stays.every(lately)) &&
        choice.kept.bytes === sum(stays) &&
        choice.needed.bytes === sum(blobs.filter((one) => one.kept)) &&
        choice.needed.blobs + choice.kept.blobs + choice.gone.size === blobs.length
      );
    }),
  );
  t.pass();
});

test('what goes does so in the order of the list: folded ones before what they are folded onto', async (t) => {
  const { store, digests } = storeOf([
    { size: 1, usedAt: 500, kept: false },
    { size: 1, usedAt: 100, kept: false },
    { size: 1, usedAt: 300, kept: false },
  ]);
  const { gone } = await choosePrunable(store, { ...options, kept: new Set() });
  t.deepEqual([...gone.keys()], digests);
});
