import { type Sample, scoreSample, type Session, type Tensors } from '../../../../core/index.ts';
import type { RecipeContext } from '../recipe.ts';
import { spread } from './observe.ts';

/** Samples that candidates are compared on. */
const COMPARED_SAMPLES = 16;

/**
 * The candidate whose outputs point most nearly the way of the original's, by mean cosine over calibration samples and
 * float32 outputs.
 *
 * @param original the model before quantisation
 */
export async function closest(
  original: Uint8Array,
  candidates: readonly Uint8Array[],
  { calibration, runtime, signal }: RecipeContext,
): Promise<Uint8Array> {
  const samples = spread(calibration?.samples ?? [], COMPARED_SAMPLES);
  const run = async (model: Uint8Array): Promise<Tensors[]> => {
    const session = await runtime.open(model, { threads: 1 });
    try {
      return await runAll(session, samples, signal);
    } finally {
      await session.close();
    }
  };
  const reference = await run(original);
  let best = candidates[0] ?? original;
  let bestScore = -1;
  for (const candidate of candidates) {
    const outputs = await run(candidate);
    const score = outputs.reduce((sum, each, i) => sum + agreement(each, reference[i] ?? {}), 0);
    if (score > bestScore) [best, bestScore] = [candidate, score];
  }
  return best;
}

async function runAll(session: Session, samples: readonly Sample[], signal: AbortSignal): Promise<Tensors[]> {
  const results: Tensors[] = [];
  for (const { inputs } of samples) {
    signal.throwIfAborted();
    results.push(await session.run(inputs));
  }
  return results;
}

function agreement(outputs: Tensors, reference: Tensors): number {
  const names = Object.keys(reference).filter((name) => reference[name]?.type === 'float32');
  const scores = names.map((output) =>
    scoreSample({ kind: 'cosine', output }, outputs, { inputs: {} }, reference),
  );
  return scores.length === 0 ? 0 : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
