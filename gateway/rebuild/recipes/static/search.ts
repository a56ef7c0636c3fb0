import { LIMITS } from './ranges.ts';
import { excludeWorst, type SensitivityInput } from './sensitivity.ts';
import type { Choice, Trial, Trials } from './trials.ts';

export interface SearchInput extends Omit<SensitivityInput, 'choice'> {
  trials: Trials;
  /** Whether there is anything to equalise. */
  canEqualise: boolean;
}

/** What a search came to. */
export interface Found {
  best: Trial;
  /** How each way to set ranges did with everything in 8 bits. */
  byLimits: readonly Trial[];
}

/** Ways to set ranges are tried again once the worst nodes are out of the way, if so many candidates may be judged. */
const AGAIN = 8;

/**
 * Tries the ways to set ranges with everything quantised and keeps the best; then what else may help, if it does. Where
 * that is not good enough, the nodes that do the harm are looked for and left in fp32.
 */
export async function search(input: SearchInput): Promise<Found> {
  const { trials } = input;
  const everything: Omit<Choice, 'limits'> = { leave: new Set(), correctBias: false, equalised: false };
  const byLimits: Trial[] = [];
  for (const limits of LIMITS.slice(0, Math.max(2, Math.floor(trials.left / 3))))
    byLimits.push(await trials.judge({ ...everything, limits }));
  let best = await helped(
    input,
    byLimits.reduce((a, b) => trials.better(b, a)),
  );
  if (!best.good) {
    const { choice } = best;
    const found = await excludeWorst(trials, { ...input, choice });
    if (found !== undefined) best = await helped(input, trials.better(found, best));
    if (trials.left >= AGAIN)
      for (const limits of LIMITS)
        if (limits !== choice.limits)
          best = trials.better(await trials.judge({ ...best.choice, limits }), best);
  }
  return { best, byLimits };
}

/** Corrects biases, equalises channels: each stays if the result is better with it. */
async function helped({ trials, canEqualise }: SearchInput, from: Trial): Promise<Trial> {
  let best = from;
  const attempt = async (change: Partial<Choice>): Promise<void> => {
    if (trials.left > 0) best = trials.better(await trials.judge({ ...best.choice, ...change }), best);
  };
  if (!best.choice.correctBias) await attempt({ correctBias: true });
  if (canEqualise && !best.choice.equalised) await attempt({ equalised: true });
  return best;
}
