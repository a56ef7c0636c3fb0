import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../cache.ts';
import type { RebuildCase } from '../case.ts';
import { sentences } from '../data/tokens.ts';
import { makeTransformer, MINILM } from '../make/transformer.ts';

const SEQUENCE = 64;
const FILE = 'model.onnx';

/** An encoder of sentences: nearly all of its time goes into matrix products, half of its bytes into one table. */
export const transformer: RebuildCase = {
  name: 'transformer',
  targets: { latency: 0.4, size: 0.3, drop: 0.01 },
  async make() {
    const { vocabulary, hidden } = MINILM;
    const folder = await cached('made-transformer-1', (unfinished) =>
      writeFile(join(unfinished, FILE), makeTransformer(MINILM)),
    );
    const tokens = (name: string) => ({ name, type: 'int64', shape: ['batch', 'sequence'] });
    return {
      card: {
        name: 'transformer',
        version: '1.0.0',
        licence: 'Apache-2.0',
        inputs: [tokens('input_ids'), tokens('attention_mask')],
        outputs: [{ name: 'last_hidden_state', type: 'float32', shape: ['batch', 'sequence', hidden] }],
        metric: { kind: 'cosine', output: 'last_hidden_state' },
        maxDrop: 0.01,
      },
      weights: await readFile(join(folder, FILE)),
      calibration: sentences(1, 16, SEQUENCE, vocabulary),
      validation: sentences(2, 32, SEQUENCE, vocabulary),
      heldOut: sentences(3, 64, SEQUENCE, vocabulary),
    };
  },
};
