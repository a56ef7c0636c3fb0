import { z } from 'zod';
import { InvalidInputError } from './errors.ts';
import type { Sample } from './samples.ts';
import type { Tensor, Tensors } from './tensor.ts';

/**
 * How well a model does on one sample, between 0 (useless) and 1 (perfect). `top1`, `ctc-exact` and `binary` hold the
 * output against the sample's truth where it has one, else against the original model's output; the others always
 * against the original's.
 */
export type Metric =
  | { kind: 'top1'; output: string }
  | { kind: 'ctc-exact'; output: string; blank: number }
  | { kind: 'binary'; output: string; threshold: number }
  | { kind: 'iou'; output: string; threshold: number }
  | { kind: 'cosine'; output: string };

export const metricSchema: z.ZodType<Metric> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('top1'), output: z.string() }),
  z.strictObject({ kind: z.literal('ctc-exact'), output: z.string(), blank: z.number().int().default(0) }),
  z.strictObject({ kind: z.literal('binary'), output: z.string(), threshold: z.number().default(0.5) }),
  z.strictObject({ kind: z.literal('iou'), output: z.string(), threshold: z.number().default(0.3) }),
  z.strictObject({ kind: z.literal('cosine'), output: z.string() }),
]);

/**
 * Scores one sample's outputs.
 *
 * @param reference the original model's outputs for the same inputs
 * @throws {InvalidInputError} when the metric's output is not among them
 */
export function scoreSample(metric: Metric, outputs: Tensors, sample: Sample, reference: Tensors): number {
  const got = pick(outputs, metric.output);
  const original = pick(reference, metric.output);
  switch (metric.kind) {
    case 'top1':
      return scoreTop1(got, sample.expected, original);
    case 'ctc-exact':
      return sameList(
        ctcClasses(got, metric.blank),
        Array.isArray(sample.expected) ? sample.expected : ctcClasses(original, metric.blank),
      );
    case 'binary':
      return scoreBinary(got, sample.expected, original, metric.threshold);
    case 'iou':
      return intersectionOverUnion(got, original, metric.threshold);
    case 'cosine':
      return cosineSimilarity(got, original);
  }
}

/**
 * Scores a model on several samples.
 *
 * @param outputs what it gave for each sample
 * @param references what the original gave
 * @throws {InvalidInputError} when the metric's output is not among them
 */
export function scoreSet(
  metric: Metric,
  outputs: readonly Tensors[],
  samples: readonly Sample[],
  references: readonly Tensors[],
): number {
  const scores = outputs.map((each, i) =>
    scoreSample(metric, each, samples[i] ?? { inputs: {} }, references[i] ?? {}),
  );
  return scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length);
}

/**
 * The class indices that a connectionist temporal classification output spells: the best class of every step,
 * repeats merged, blanks dropped (Graves et al. 2006, best path decoding).
 *
 * @param output scores of shape [1, T, classes] or [T, classes]
 */
export function ctcClasses(output: Tensor, blank: number): number[] {
  const classes = output.dims.at(-1) ?? 0;
  const steps = classes === 0 ? 0 : output.data.length / classes;
  const spelled: number[] = [];
  let previous = blank;
  for (let step = 0; step < steps; step += 1) {
    const best = argmax(output, step * classes, classes);
    if (best !== blank && best !== previous) spelled.push(best);
    previous = best;
  }
  return spelled;
}

/** The index of the largest element in `length` elements from `offset`, counted from `offset`. */
export function argmax(tensor: Tensor, offset = 0, length = tensor.data.length): number {
  let best = 0;
  for (let i = 1; i < length; i += 1)
    if (Number(tensor.data[offset + i]) > Number(tensor.data[offset + best])) best = i;
  return best;
}

function pick(outputs: Tensors, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined)
    throw new InvalidInputError(`the model has no output ${name}, only ${Object.keys(outputs).join(', ')}`);
  return tensor;
}

function scoreTop1(got: Tensor, expected: Sample['expected'], original: Tensor): number {
  const rows = got.dims.length > 1 ? (got.dims[0] ?? 1) : 1;
  const classes = got.data.length / rows;
  let right = 0;
  for (let row = 0; row < rows; row += 1) {
    const truth = Array.isArray(expected)
      ? expected[row]
      : (expected ?? argmax(original, row * classes, classes));
    if (argmax(got, row * classes, classes) === truth) right += 1;
  }
  return rows === 0 ? 0 : right / rows;
}

function scoreBinary(got: Tensor, expected: Sample['expected'], original: Tensor, threshold: number): number {
  const truth = typeof expected === 'number' ? expected > 0.5 : Number(original.data[0]) > threshold;
  return Number(got.data[0]) > threshold === truth ? 1 : 0;
}

function sameList(a: readonly number[], b: readonly number[]): number {
  return a.length === b.length && a.every((value, i) => value === b[i]) ? 1 : 0;
}

function intersectionOverUnion(got: Tensor, original: Tensor, threshold: number): number {
  if (got.data.length !== original.data.length) return 0;
  let both = 0;
  let either = 0;
  for (let i = 0; i < got.data.length; i += 1) {
    const a = Number(got.data[i]) > threshold;
    const b = Number(original.data[i]) > threshold;
    if (a && b) both += 1;
    if (a || b) either += 1;
  }
  return either === 0 ? 1 : both / either;
}

function cosineSimilarity(got: Tensor, original: Tensor): number {
  if (got.data.length !== original.data.length) return 0;
  let [dot, gotNorm, originalNorm] = [0, 0, 0];
  for (let i = 0; i < got.data.length; i += 1) {
    const a = Number(got.data[i]);
    const b = Number(original.data[i]);
    dot += a * b;
    gotNorm += a * a;
    originalNorm += b * b;
  }
  if (gotNorm === 0 && originalNorm === 0) return 1;
  const similarity = dot / Math.sqrt(gotNorm * originalNorm);
  return Number.isFinite(similarity) ? Math.max(0, similarity) : 0;
}
