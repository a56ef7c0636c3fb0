import type { Choice, Trial, Trials } from './trials.ts';

/** Blocks that a model is cut into at first. */
const BLOCKS = 16;
/** Judged candidates that are kept for what comes after. */
const RESERVE = 10;

export interface SensitivityInput {
  /** Names of the nodes that may be quantised, in the order of the graph. */
  nodes: readonly string[];
  /** The names among them whose weights are quantised: a block has at least one. */
  weighted: ReadonlySet<string>;
  /** How everything was quantised that was not good enough. */
  choice: Choice;
}

interface Block {
  names: readonly string[];
  /** Error of the output when this block alone is quantised. */
  error: number;
}

/**
 * Finds the part of a model that does not stand 8 bits, and leaves as little as possible of it in fp32. Each block of
 * nodes is quantised by itself, which tells the error that it brings into the output; the worst are left in fp32, as
 * few as it takes (bisecting over their order); then halves of what was left are quantised again as long as the result
 * stays good. Errors of separate places add up nearly, which is why ranking them alone works (Dong et al. 2019, "HAWQ",
 * rank layers likewise).
 *
 * @returns the best found, good enough or not; undefined where there is no budget to look
 */
export async function excludeWorst(trials: Trials, input: SensitivityInput): Promise<Trial | undefined> {
  const { choice } = input;
  const count = Math.min(BLOCKS, Math.floor(trials.left / 3));
  if (count < 2) return undefined;
  const blocks = await rank(trials, input, cut(input, count));
  const leaving = (worst: readonly Block[]): Choice => ({
    ...choice,
    leave: new Set([...choice.leave, ...worst.flatMap(({ names }) => names)]),
  });
  let found: Trial | undefined;
  let [low, high] = [1, blocks.length - 1];
  while (low <= high && trials.left > RESERVE) {
    const middle = Math.floor((low + high) / 2);
    const trial = await trials.judge(leaving(blocks.slice(0, middle)));
    found = found === undefined ? trial : trials.better(trial, found);
    if (trial.good) {
      found = trial;
      high = middle - 1;
    } else low = middle + 1;
  }
  if (found?.good !== true) return found;
  const { leave } = found.choice;
  const [last, ...others] = blocks.filter(({ names }) => names.every((name) => leave.has(name))).reverse();
  // The last one cannot be spared as a whole: without it the result was not good.
  for (const half of halves(last?.names ?? []))
    found = await restore(trials, found, half, last?.names.length);
  for (const { names } of others) found = await restore(trials, found, names);
  return found;
}

/** The blocks, that with the largest error first. */
async function rank(
  trials: Trials,
  { nodes, choice }: SensitivityInput,
  blocks: readonly string[][],
): Promise<Block[]> {
  const ranked: Block[] = [];
  for (const names of blocks) {
    const own = new Set(names);
    const leave = new Set(nodes.filter((name) => !own.has(name)));
    const { agreement } = await trials.judge({ ...choice, leave });
    ranked.push({ names, error: agreement.error });
  }
  return ranked.sort((a, b) => b.error - a.error);
}

/** Quantises nodes again that were left in fp32, or the half of them that does no harm. */
export async function restore(
  trials: Trials,
  from: Trial,
  names: readonly string[],
  before = Infinity,
): Promise<Trial> {
  if (trials.left <= RESERVE || names.length === 0 || names.length >= before) return from;
  const again = new Set(names);
  const leave = new Set([...from.choice.leave].filter((name) => !again.has(name)));
  const trial = await trials.judge({ ...from.choice, leave });
  if (trial.good) return trial;
  if (names.length < 2) return from;
  let best = from;
  for (const half of halves(names)) best = await restore(trials, best, half);
  return best;
}

function halves(names: readonly string[]): (readonly string[])[] {
  const middle = Math.ceil(names.length / 2);
  return [names.slice(0, middle), names.slice(middle)];
}

/** Cuts a model into runs of nodes with nearly equally many weighted ones, each run beginning with such a one. */
function cut({ nodes, weighted }: SensitivityInput, count: number): string[][] {
  const runs: string[][] = [];
  for (const name of nodes) {
    const last = runs.at(-1);
    if (last === undefined || (weighted.has(name) && last.some((each) => weighted.has(each))))
      runs.push([name]);
    else last.push(name);
  }
  const blocks = Math.min(count, runs.length);
  const at = (i: number): number => Math.round((i * runs.length) / blocks);
  return Array.from({ length: blocks }, (_, i) => runs.slice(at(i), at(i + 1)).flat());
}
