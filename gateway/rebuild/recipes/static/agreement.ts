import { type ModelCard, scoreSet, type Session, type Tensors } from '../../../../core/index.ts';
import type { RecipeContext } from '../recipe.ts';
import { spread } from './observe.ts';

/** Samples that candidates are held against the original on. */
const COMPARED_SAMPLES = 16;

/** How near a candidate's outputs are to the original's, each from 0 to 1. */
export interface Agreement {
  /** By the card's metric. */
  metric: number;
  /** By direction, which tells candidates apart that the metric does not. */
  cosine: number;
}

/** Compares quantised candidates with what the model gives in fp32, on calibration samples. */
export class Judge {
  readonly #context: RecipeContext;
  readonly #reference: readonly Tensors[];

  private constructor(context: RecipeContext, reference: readonly Tensors[]) {
    this.#context = context;
    this.#reference = reference;
  }

  static async of(original: Uint8Array, context: RecipeContext): Promise<Judge> {
    return new Judge(context, await runAll(original, context));
  }

  /** @throws {InvalidInputError} when the model has no output that the card's metric reads */
  async judge(candidate: Uint8Array): Promise<Agreement> {
    const outputs = await runAll(candidate, this.#context);
    const { metric } = this.#context.card;
    return {
      metric: this.#mean(outputs, metric),
      cosine: this.#mean(outputs, { kind: 'cosine', output: metric.output }),
    };
  }

  #mean(outputs: readonly Tensors[], metric: ModelCard['metric']): number {
    return scoreSet(metric, outputs, [], this.#reference);
  }
}

/** Whether `a` is the better one. */
export function isBetter(a: Agreement, b: Agreement): boolean {
  return a.metric === b.metric ? a.cosine > b.cosine : a.metric > b.metric;
}

async function runAll(
  model: Uint8Array,
  { calibration, runtime, signal }: RecipeContext,
): Promise<Tensors[]> {
  const session: Session = await runtime.open(model, { threads: 1 });
  const results: Tensors[] = [];
  try {
    for (const { inputs } of spread(calibration?.samples ?? [], COMPARED_SAMPLES)) {
      signal.throwIfAborted();
      results.push(await session.run(inputs));
    }
  } finally {
    await session.close();
  }
  return results;
}
