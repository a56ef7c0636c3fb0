import { z } from 'zod';
import { type BoxLayout, BOX_LAYOUTS, boxEvidence, meanAveragePrecision } from './boxes.ts';
import { InvalidInputError } from './errors.ts';
import { innerPathSchema } from './names.ts';
import { outputNumbers } from './numbers.ts';
import { areaUnderCurve, rocEvidence } from './roc.ts';
import type { Sample } from './samples.ts';
import {
  cosineSimilarity,
  ctcClasses,
  foundShare,
  intersectionOverUnion,
  sameList,
  scoreBinary,
  scoreMaxError,
  scoreTop1,
} from './sample-scores.ts';
import type { Tensors } from './tensor.ts';

export { argmax, ctcClasses } from './sample-scores.ts';

/**
 * How well a model does, between 0 (useless) and 1 (perfect). The outputs are held against the samples' truth where
 * they have one, else against what the original gives; `iou` and `cosine` always against the original. `output` is the
 * one that matters most; what else a metric reads is named beside it.
 */
export type Metric =
  /** Share of rows whose largest element is the right one. */
  | { kind: 'top1'; output: string }
  /** Share of samples whose output is the same in every element: ids, counts, decided labels. */
  | { kind: 'exact'; output: string }
  /** Share of samples whose decoded sequence is the same. */
  | { kind: 'ctc-exact'; output: string; blank: number }
  /** Share of samples whose one score is on the right side of the threshold. */
  | { kind: 'binary'; output: string; threshold: number }
  /** Share of what is there to be found that scores above the threshold. Says nothing about false alarms. */
  | { kind: 'recall'; output: string; threshold: number }
  /** Area under the ROC curve; with several classes, their mean, each against the rest. */
  | { kind: 'auc'; output: string; threshold: number }
  /** Mean average precision of boxes. */
  | BoxMetric
  /** Overlap of what is above the threshold, such as a map of text pixels. */
  | { kind: 'iou'; output: string; threshold: number }
  | { kind: 'cosine'; output: string }
  /** 1 where no element is off by more than the tolerance, else tolerance by error. */
  | { kind: 'max-error'; output: string; tolerance: number }
  /** A function of the publisher's, for what none of the others says. */
  | AppMetric;

export interface BoxMetric {
  kind: 'map';
  /** Boxes, [.., N, 4]; without `scores` rows of four numbers, score and class, [.., N, 6]. */
  output: string;
  /** [.., N], or [.., N, classes]: the best class counts. */
  scores?: string;
  /** Class indices, [.., N]. Without it, and with one score for a box, all boxes are of class 0. */
  classes?: string;
  layout: BoxLayout;
  /** Overlap from which a box counts as found. */
  iou: number;
  /** Boxes below this score are left out. */
  threshold: number;
  /** Where no truth is known, the original's boxes from this score on stand for it. */
  certain: number;
  /** Boxes that overlap a better one of their class by more are left out first, for models that give them raw. */
  suppress?: number;
}

export interface AppMetric {
  kind: 'app';
  /** A module in the model's folder whose default export is `(arguments: MetricArguments) => number` (0..1). */
  module: string;
  output: string;
  /** Other outputs that the module reads. */
  more: string[];
}

/** What a publisher's own metric gets for one sample. */
export interface MetricArguments {
  outputs: Tensors;
  /** The original's outputs for the same inputs. */
  reference: Tensors;
  inputs: Tensors;
  expected?: number | number[];
}

const output = z.string().min(1).max(200);
const threshold = z.number();

export const metricSchema: z.ZodType<Metric> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('top1'), output }),
  z.strictObject({ kind: z.literal('exact'), output }),
  z.strictObject({ kind: z.literal('ctc-exact'), output, blank: z.number().int().default(0) }),
  z.strictObject({ kind: z.literal('binary'), output, threshold: threshold.default(0.5) }),
  z.strictObject({ kind: z.literal('recall'), output, threshold: threshold.default(0.5) }),
  z.strictObject({ kind: z.literal('auc'), output, threshold: threshold.default(0.5) }),
  z.strictObject({
    kind: z.literal('map'),
    output,
    scores: output.optional(),
    classes: output.optional(),
    layout: z.enum(BOX_LAYOUTS).default('xyxy'),
    iou: z.number().gt(0).lt(1).default(0.5),
    threshold: threshold.default(0.05),
    certain: threshold.default(0.5),
    suppress: z.number().gt(0).lt(1).optional(),
  }),
  z.strictObject({ kind: z.literal('iou'), output, threshold: threshold.default(0.3) }),
  z.strictObject({ kind: z.literal('cosine'), output }),
  z.strictObject({ kind: z.literal('max-error'), output, tolerance: z.number().positive() }),
  z.strictObject({
    kind: z.literal('app'),
    module: innerPathSchema,
    output,
    more: z.array(output).max(20).default([]),
  }),
]) as z.ZodType<Metric>;

/** The outputs that a metric reads, the one that matters most first. */
export function metricOutputs(metric: Metric): string[] {
  if (metric.kind === 'app') return [metric.output, ...metric.more];
  if (metric.kind !== 'map') return [metric.output];
  return [metric.output, metric.scores, metric.classes].filter((name) => name !== undefined);
}

/**
 * What one sample says about a model: a few numbers that stand for its outputs, for `scoreOf`. A set's score is not
 * always the mean of its samples', so that these are kept until all are there.
 *
 * @param reference the original model's outputs for the same inputs
 * @throws {InvalidInputError} when the metric's outputs are not there, or the sample's truth is not what it needs, and
 *   for a publisher's own metric, which only a process that has loaded it can ask
 */
export function evidenceOf(metric: Metric, outputs: Tensors, sample: Sample, reference: Tensors): number[] {
  const got = outputNumbers(outputs, metric.output);
  const original = outputNumbers(reference, metric.output);
  const { expected } = sample;
  switch (metric.kind) {
    case 'top1':
      return [scoreTop1(got, expected, original)];
    case 'exact':
      return [sameList(got.data, expected === undefined ? original.data : listOf(expected))];
    case 'ctc-exact':
      return [
        sameList(
          ctcClasses(got, metric.blank),
          Array.isArray(expected) ? expected : ctcClasses(original, metric.blank),
        ),
      ];
    case 'binary':
      return [scoreBinary(got, expected, original, metric.threshold)];
    case 'recall':
      return foundShare(got, expected, original, metric.threshold);
    case 'auc':
      return rocEvidence(got, expected, original, metric.threshold);
    case 'map':
      return boxEvidence(metric, outputs, expected, reference);
    case 'iou':
      return [intersectionOverUnion(got, original, metric.threshold)];
    case 'cosine':
      return [cosineSimilarity(got, original)];
    case 'max-error':
      return [scoreMaxError(got, expected, original, metric.tolerance)];
    case 'app':
      throw new InvalidInputError(`the metric ${metric.module} is the model's own and is not loaded here`);
  }
}

/** The score of a model by what its samples say, each as `evidenceOf` gave it. 0 for none. */
export function scoreOf(metric: Metric, evidence: readonly (readonly number[])[]): number {
  if (evidence.length === 0) return 0;
  switch (metric.kind) {
    case 'recall': {
      const sum = (at: number): number => evidence.reduce((all, each) => all + (each[at] ?? 0), 0);
      return sum(1) === 0 ? 1 : sum(0) / sum(1);
    }
    case 'auc':
      return areaUnderCurve(evidence, metric.threshold);
    case 'map':
      return meanAveragePrecision(evidence);
    default:
      return evidence.reduce((all, each) => all + (each[0] ?? 0), 0) / evidence.length;
  }
}

/** Scores one sample's outputs. @throws {InvalidInputError} as `evidenceOf` */
export function scoreSample(metric: Metric, outputs: Tensors, sample: Sample, reference: Tensors): number {
  return scoreOf(metric, [evidenceOf(metric, outputs, sample, reference)]);
}

/**
 * Scores a model on several samples.
 *
 * @param outputs what it gave for each sample
 * @param references what the original gave
 * @throws {InvalidInputError} as `evidenceOf`
 */
export function scoreSet(
  metric: Metric,
  outputs: readonly Tensors[],
  samples: readonly Sample[],
  references: readonly Tensors[],
): number {
  const evidence = outputs.map((each, i) =>
    evidenceOf(metric, each, samples[i] ?? { inputs: {} }, references[i] ?? {}),
  );
  return scoreOf(metric, evidence);
}

function listOf(expected: number | number[]): number[] {
  return Array.isArray(expected) ? expected : [expected];
}
