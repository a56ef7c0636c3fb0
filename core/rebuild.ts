import { canonicalJson } from './codec.ts';
import { type Digest, digestOf } from './digest.ts';
import type { Objective } from './deployment.ts';
import type { ModelCard } from './model-card.ts';
import type { CandidateSpec, RecipeName, RecipeOptions } from './recipe.ts';

/** Grows when a recipe gives other bytes for the same source. Part of every build's key. */
export const BUILDER_VERSION = 7;

/** What decides a build's bytes. Same key, same bytes. */
export interface BuildKey {
  source: Digest;
  /** The card as recipes see it: without what no build may depend on. */
  card: ModelCard;
  /** Samples that it was calibrated with. */
  calibration: Digest | undefined;
  recipe: RecipeName;
  /** Only what the recipe has a use for. */
  options: RecipeOptions;
  /** Name and version of the runtime that it was built with. */
  runtime: string;
}

export function buildKeyOf(key: BuildKey): Digest {
  return digestOf(canonicalJson({ ...key, builder: BUILDER_VERSION }));
}

/** How well a build agrees with the truth, or with the original where no truth is known. */
export interface Accuracy {
  metric: string;
  /** False where no sample has a known truth: agreement with the original only, which is weaker. */
  labelled: boolean;
  samples: number;
  /** Mean score of the original on the same samples, 0..1. */
  original: number;
  /** Mean score of the build, 0..1. */
  build: number;
}

/**
 * What running a build on some hardware showed. Times in milliseconds, memory in MiB. Times of runs are without what other
 * processes took of them.
 */
export interface Measurement {
  loadMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** Samples per second, one run after the other, with as many samples in a run as the validation data has. */
  throughput: number;
  runs: number;
  /** Growth of the process by loading and running the model, at its peak. */
  peakMemoryMiB: number;
  /** Time per run as a share of the original's in the same rounds, with the range that it lies in (95 %). */
  ratio?: { median: number; low: number; high: number };
  /** Energy per run in joules, where the machine has a meter for it. */
  energyJ?: number;
}

/** One way to build the model, and what became of it. */
export interface Candidate extends CandidateSpec {
  /** Why there is no build: the recipe does not apply, or failed. */
  problem?: string;
  build?: { digest: Digest; size: number };
  /** What the recipe did and found out on the way, for people: which ranges, what it left in fp32. */
  notes?: string[];
  accuracy?: Accuracy;
  measurement?: Measurement;
  /** Whether no other candidate within the floor is at least as good in latency, size and memory and better in one. */
  pareto?: boolean;
  /** Why it was chosen, or not. */
  verdict?: string;
}

/**
 * `validation`: the card's validation data. `held-out`: calibration samples that were not calibrated with, which is
 * weaker. `calibration`: too few samples to hold any back, which is weaker still. `none`: nothing to judge by.
 */
export const JUDGED_BY = ['validation', 'held-out', 'calibration', 'none'] as const;
export type JudgedBy = (typeof JUDGED_BY)[number];

/** Everything about one model rebuilt for one hardware class: what `floormesh explain` shows. */
export interface RebuildReport {
  model: { name: string; version: string; source: Digest; size: number };
  hardwareClass: string;
  objective: Objective;
  maxDrop: number;
  /** The data that builds were held against the original by. `held-out` and `calibration` come without truth. */
  judgedBy: JudgedBy;
  /** Name of the node that measured, the class that a prediction goes by, or `gateway`. */
  measuredBy: string;
  /** True when no machine of the class has measured: the choice goes by another class or by the gateway. */
  predicted: boolean;
  candidates: Candidate[];
  /** Name of a candidate. */
  chosen: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** The candidate that a report chose. @throws {TypeError} when it is not among the report's candidates */
export function chosenOf({ candidates, chosen }: RebuildReport): Candidate {
  const found = candidates.find(({ name }) => name === chosen);
  if (found === undefined) throw new TypeError(`the report has no candidate ${chosen}`);
  return found;
}
