import { LIMITS } from './ranges.ts';
import { excludeWorst, restore, type SensitivityInput } from './sensitivity.ts';
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

/** With so many times the error of another, what decides right on a few samples does so by luck. */
const LUCK = 1.25;
/** Judged candidates that are kept for what comes last. */
const AGAIN = 2;

/**
 * Tries the ways to set ranges with everything quantised and keeps the best; then what else may help, if it does. Where
 * that is not good enough, the nodes that do the harm are looked for and left in fp32.
 */
export async function search(input: SearchInput): Promise<Found> {
  const { trials } = input;
  const everything: Omit<Choice, 'limits'> = { leave: new Set(), correctBias: true, equalised: false };
  const byLimits: Trial[] = [];
  for (const limits of LIMITS.slice(0, Math.max(2, Math.floor(trials.left / 3))))
    byLimits.push(await trials.judge({ ...everything, limits }));
  const right = byLimits.reduce((a, b) => trials.better(b, a));
  const nearest = byLimits.reduce((a, b) => (b.agreement.error < a.agreement.error ? b : a));
  const byLuck = right.agreement.error > LUCK * nearest.agreement.error;
  let best = await helped(input, byLuck ? nearest : right);
  if (!best.good) {
    const { choice } = best;
    const found = await excludeWorst(trials, { ...input, choice });
    if (found !== undefined) best = await again(input, await helped(input, trials.better(found, best)));
  }
  return { best, byLimits };
}

/**
 * With the worst nodes out of the way, another way to set ranges may be the best, and some of what was left in fp32 may
 * stand 8 bits with it.
 */
async function again({ trials, nodes }: SearchInput, from: Trial): Promise<Trial> {
  let best = from;
  for (const limits of LIMITS) {
    if (limits === from.choice.limits || trials.left <= AGAIN) continue;
    const trial = await trials.judge({ ...best.choice, limits });
    if (trial.agreement.error <= LUCK * best.agreement.error) best = trials.better(trial, best);
  }
  if (!best.good || best.choice.limits === from.choice.limits) return best;
  for (const name of nodes.filter((each) => best.choice.leave.has(each)))
    if (trials.left > AGAIN) best = await restore(trials, best, [name]);
  return best;
}

/** With corrected biases or without, with equalised channels or without: whatever is better. */
async function helped({ trials, canEqualise }: SearchInput, from: Trial): Promise<Trial> {
  let best = from;
  const attempt = async (change: Partial<Choice>): Promise<void> => {
    if (trials.left > 0) best = trials.better(await trials.judge({ ...best.choice, ...change }), best);
  };
  await attempt({ correctBias: !best.choice.correctBias });
  if (canEqualise) await attempt({ equalised: !best.choice.equalised });
  return best;
}
