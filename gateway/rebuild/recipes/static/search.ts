import { type Agreement, isBetter, type Judge } from './agreement.ts';
import type { Limits } from './grid.ts';

/** Parts that a model is cut into to find the one that does not stand 8 bits. */
const PARTS = 8;
/** Parts that are left in fp32 at most. */
const MOST_PARTS = 3;
const LIMITS: readonly Limits[] = ['full', 'least-error'];

/** One way to quantise: where the levels end, and what stays in fp32 beside what the card says. */
export interface Choice {
  limits: Limits;
  leave: ReadonlySet<string>;
}

interface Candidate {
  choice: Choice;
  bytes: Uint8Array;
  agreement: Agreement;
}

export interface SearchInput {
  /** Names of the nodes that may be quantised, in the order of the graph. */
  nodes: readonly string[];
  write: (choice: Choice) => Uint8Array;
  judge: Judge;
  /** The agreement by the card's metric that is good enough. */
  floor: number;
  signal: AbortSignal;
}

/**
 * Quantises everything first. Where that agrees too little with the original, looks for the part of the model that is to
 * blame by leaving each in fp32 by itself, keeps the one that helps most there, and so on.
 *
 * @returns the best found, good enough or not
 */
export async function search(input: SearchInput): Promise<Uint8Array> {
  const { nodes, floor, signal } = input;
  let best: Candidate | undefined;
  for (const limits of LIMITS) best = better(await tried(input, { limits, leave: new Set() }), best);
  const parts = cut(nodes, PARTS);
  for (let round = 0; best !== undefined && round < MOST_PARTS && best.agreement.metric < floor; round += 1) {
    const { choice }: Candidate = best;
    const before: Candidate = best;
    for (const part of parts) {
      signal.throwIfAborted();
      if (part.every((name) => choice.leave.has(name))) continue;
      const leave = new Set([...choice.leave, ...part]);
      if (leave.size < nodes.length) best = better(await tried(input, { ...choice, leave }), best);
    }
    if (best === before) break;
  }
  if (best === undefined) throw new TypeError('there is nothing to choose from');
  return best.bytes;
}

async function tried({ write, judge }: SearchInput, choice: Choice): Promise<Candidate> {
  const bytes = write(choice);
  return { choice, bytes, agreement: await judge.judge(bytes) };
}

function better(a: Candidate, b: Candidate | undefined): Candidate {
  return b === undefined || isBetter(a.agreement, b.agreement) ? a : b;
}

/** Cuts a list into at most `count` runs of nearly equal length. */
function cut(names: readonly string[], count: number): string[][] {
  const parts = Math.min(count, names.length);
  const at = (i: number): number => Math.round((i * names.length) / parts);
  return Array.from({ length: parts }, (_, i) => names.slice(at(i), at(i + 1)));
}
