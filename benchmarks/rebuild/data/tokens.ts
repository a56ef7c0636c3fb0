import { randomOf } from '../../../apps/make/random.ts';
import type { Sample } from '../../../core/index.ts';

const FIRST_WORD = 1000;
const BEGIN = 101;
const END = 102;

/**
 * Sentences of made-up words whose frequencies follow Zipf's law, as those of all languages do. Each is padded to
 * `length` tokens, which the mask says; most are nearly as long.
 */
export function sentences(seed: number, count: number, length: number, vocabulary: number): Sample[] {
  const random = randomOf(seed);
  const words = vocabulary - FIRST_WORD;
  // The inverse of the cumulated 1/rank is nearly exponential: rank = words^u.
  const word = (): number => FIRST_WORD + Math.min(words - 1, Math.floor(words ** random.between(0, 1)));
  return Array.from({ length: count }, () => {
    const used = random.whole(Math.ceil(length * 0.6), length);
    const ids = new BigInt64Array(length);
    const mask = new BigInt64Array(length);
    for (let i = 0; i < used; i += 1) {
      ids[i] = BigInt(i === 0 ? BEGIN : i === used - 1 ? END : word());
      mask[i] = 1n;
    }
    const dims = [1, length];
    return {
      inputs: {
        input_ids: { type: 'int64', dims, data: ids },
        attention_mask: { type: 'int64', dims, data: mask },
      },
    };
  });
}
