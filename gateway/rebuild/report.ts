import { z } from 'zod';
import {
  type Candidate,
  type Digest,
  isDigest,
  OBJECTIVES,
  parseTrialResult,
  parseWith,
  type RebuildReport,
  RECIPES,
} from '../../core/index.ts';

/** A model that is ready for a class: what was chosen and why, and the blobs that a package takes. */
export interface ReadyModel {
  report: RebuildReport;
  build: { digest: Digest; size: number };
  /** The card to ship: the publisher's, or a copy that states another golden tolerance. */
  card: { digest: Digest; size: number };
  /** Absent for a model without validation data. */
  golden?: { digest: Digest; size: number };
}

const digest = z.custom<Digest>(isDigest, 'not a digest');
const blob = z.object({ digest, size: z.number() });
const candidate = z.looseObject({
  recipe: z.enum(RECIPES),
  build: blob.optional(),
  verdict: z.string().optional(),
});
const readyModel = z.object({
  report: z.object({
    model: z.object({ name: z.string(), version: z.string(), source: digest, size: z.number() }),
    hardwareClass: z.string(),
    objective: z.enum(OBJECTIVES),
    maxDrop: z.number(),
    measuredBy: z.string(),
    candidates: z.array(candidate).max(50),
    chosen: z.enum(RECIPES),
    at: z.number(),
  }),
  build: blob,
  card: blob,
  golden: blob.optional(),
});

/** @throws {InvalidInputError} */
export function parseReadyModel(value: unknown): ReadyModel {
  const { report, golden, ...rest } = parseWith(readyModel, value, 'rebuild report');
  const candidates = report.candidates.map((found): Candidate => {
    const [result] = parseTrialResult({ results: [found] }).results;
    return {
      ...(result ?? { recipe: found.recipe }),
      ...(found.build === undefined ? {} : { build: found.build }),
      ...(found.verdict === undefined ? {} : { verdict: found.verdict }),
    };
  });
  return { ...rest, report: { ...report, candidates }, ...(golden === undefined ? {} : { golden }) };
}
