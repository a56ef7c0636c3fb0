import { z } from 'zod';
import {
  type Candidate,
  candidateNameSchema,
  type Digest,
  type HardwareClass,
  isDigest,
  MEMORY_BAND_NAMES,
  JUDGED_BY,
  OBJECTIVES,
  parseTrialResult,
  parseWith,
  type RebuildReport,
  recipeOptionsSchema,
  RECIPES,
  sessionSettingsSchema,
} from '../../core/index.ts';

/** A model that is ready for a class: what was chosen and why, and the blobs that a package takes. */
export interface ReadyModel {
  report: RebuildReport;
  /** The class that it is for. */
  target: HardwareClass;
  /** The `BUILDER_VERSION` that made it: a newer one may know better ways. */
  builder: number;
  build: { digest: Digest; size: number };
  /** The card to ship: the publisher's, or a copy that states another golden tolerance. */
  card: { digest: Digest; size: number };
  /** Absent for a model without validation data. */
  golden?: { digest: Digest; size: number };
}

const digest = z.custom<Digest>(isDigest, 'not a digest');
const blob = z.object({ digest, size: z.number() });
const candidate = z.looseObject({
  name: candidateNameSchema,
  recipe: z.enum(RECIPES),
  options: recipeOptionsSchema,
  session: sessionSettingsSchema.optional(),
  build: blob.optional(),
  notes: z.array(z.string()).optional(),
  pareto: z.boolean().optional(),
  verdict: z.string().optional(),
});
const target: z.ZodType<HardwareClass> = z.object({
  id: z.string(),
  os: z.string(),
  arch: z.string(),
  libc: z.string(),
  isa: z.string(),
  accelerator: z.string(),
  memoryBand: z.enum(MEMORY_BAND_NAMES),
  runtime: z.object({ name: z.string(), version: z.string(), digest, provider: z.string() }),
});
const readyModel = z.object({
  target,
  builder: z.number(),
  report: z.object({
    model: z.object({ name: z.string(), version: z.string(), source: digest, size: z.number() }),
    hardwareClass: z.string(),
    objective: z.enum(OBJECTIVES),
    maxDrop: z.number(),
    judgedBy: z.enum(JUDGED_BY),
    measuredBy: z.string(),
    predicted: z.boolean(),
    candidates: z.array(candidate).max(50),
    chosen: candidateNameSchema,
    at: z.number(),
  }),
  build: blob,
  card: blob,
  golden: blob.optional(),
});

/** @throws {InvalidInputError} */
export function parseReadyModel(value: unknown): ReadyModel {
  const { report, golden, ...rest } = parseWith(readyModel, value, 'rebuild report');
  const candidates = report.candidates.map(({ build, notes, pareto, verdict, ...found }): Candidate => {
    const { name, recipe, options, session } = found;
    const [result] = parseTrialResult({ results: [found] }).results;
    return {
      name,
      recipe,
      options,
      ...result,
      ...(session === undefined ? {} : { session }),
      ...(build === undefined ? {} : { build }),
      ...(notes === undefined ? {} : { notes }),
      ...(pareto === undefined ? {} : { pareto }),
      ...(verdict === undefined ? {} : { verdict }),
    };
  });
  return { ...rest, report: { ...report, candidates }, ...(golden === undefined ? {} : { golden }) };
}
