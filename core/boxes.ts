import { InvalidInputError } from './errors.ts';
import type { BoxMetric } from './metric.ts';
import { type Numbers, outputNumbers } from './numbers.ts';
import { argmax } from './sample-scores.ts';
import type { Sample } from './samples.ts';
import type { Tensors } from './tensor.ts';

/**
 * What the four numbers of a box are: two corners (`xyxy`, or `yxyx` as TensorFlow has them), its centre and size
 * (`cxcywh`), or a corner and size (`xywh`).
 */
export const BOX_LAYOUTS = ['xyxy', 'yxyx', 'cxcywh', 'xywh'] as const;
export type BoxLayout = (typeof BOX_LAYOUTS)[number];

interface Box {
  class: number;
  score: number;
  /** x1, y1, x2, y2 */
  corners: [number, number, number, number];
}

/** Boxes of one sample that count, the best first, as COCO counts them. */
const MAX_BOXES = 100;
/** Boxes that are looked at before those that overlap are left out. */
const MAX_RAW_BOXES = 2000;
/** Numbers of one box in a sample's truth: class, then x1, y1, x2, y2. */
const TRUTH_NUMBERS = 5;

/**
 * What one sample says for the mean average precision: how many classes its truth has, a pair (class, boxes) for each,
 * then for every box that was given its class, its score, and whether it found a box of the truth. Each finds at most
 * one, the best box first (Everingham et al. 2010, section 4.2).
 *
 * @param expected class, x1, y1, x2, y2 of each box, one after the other, in the units of the output
 * @throws {InvalidInputError} for outputs or a truth of another shape
 */
export function boxEvidence(
  metric: BoxMetric,
  outputs: Tensors,
  expected: Sample['expected'],
  reference: Tensors,
): number[] {
  const given = detections(metric, outputs).filter(({ score }) => score >= metric.threshold);
  const truth =
    expected === undefined
      ? detections(metric, reference).filter(({ score }) => score >= metric.certain)
      : truthOf(expected);
  const classes = [...new Set(truth.map((box) => box.class))].sort((a, b) => a - b);
  const counts = classes.flatMap((one) => [one, truth.filter((box) => box.class === one).length]);
  const free = new Set(truth);
  const found = given.flatMap((box) => {
    const best = bestOverlap(box, free);
    const hit = best !== undefined && best.overlap >= metric.iou;
    if (hit) free.delete(best.box);
    return [box.class, box.score, Number(hit)];
  });
  return [classes.length, ...counts, ...found];
}

/**
 * Mean over classes of the area under the precision-recall curve, with precision made monotonous and every point used
 * (PASCAL VOC from 2010 on; COCO's AP at one overlap but for its 101 points). A set without any box to be found is
 * right where none is given.
 */
export function meanAveragePrecision(evidence: readonly (readonly number[])[]): number {
  const wanted = new Map<number, number>();
  const given: { class: number; score: number; hit: boolean }[] = [];
  for (const each of evidence) {
    const start = 1 + 2 * (each[0] ?? 0);
    for (let at = 1; at < start; at += 2)
      wanted.set(each[at] ?? 0, (wanted.get(each[at] ?? 0) ?? 0) + (each[at + 1] ?? 0));
    for (let at = start; at < each.length; at += 3)
      given.push({ class: each[at] ?? 0, score: each[at + 1] ?? 0, hit: each[at + 2] === 1 });
  }
  if (wanted.size === 0) return given.length === 0 ? 1 : 0;
  const precisions = [...wanted].map(([one, count]) =>
    averagePrecision(
      given.filter((box) => box.class === one),
      count,
    ),
  );
  return precisions.reduce((sum, precision) => sum + precision, 0) / precisions.length;
}

function averagePrecision(given: { score: number; hit: boolean }[], wanted: number): number {
  const sorted = [...given].sort((a, b) => b.score - a.score);
  let hits = 0;
  const points = sorted.map(({ hit }, i) => {
    if (hit) hits += 1;
    return { recall: hits / wanted, precision: hits / (i + 1) };
  });
  let [area, precision] = [0, 0];
  for (const [i, point] of [...points.entries()].reverse()) {
    precision = Math.max(precision, point.precision);
    area += precision * (point.recall - (points[i - 1]?.recall ?? 0));
  }
  return area;
}

/** The boxes of an output, the best first. */
function detections(metric: BoxMetric, outputs: Tensors): Box[] {
  const boxes = rawBoxes(metric, outputs)
    .filter(({ score, corners }) => [score, ...corners].every((value) => Number.isFinite(value)))
    .sort((a, b) => b.score - a.score);
  return suppressed(boxes.slice(0, MAX_RAW_BOXES), metric.suppress).slice(0, MAX_BOXES);
}

function rawBoxes(metric: BoxMetric, outputs: Tensors): Box[] {
  const boxes = outputNumbers(outputs, metric.output);
  const width = boxes.dims.at(-1) ?? 0;
  const count = width === 0 ? 0 : boxes.data.length / width;
  const wide = metric.scores === undefined ? 6 : 4;
  if (width < wide)
    throw new InvalidInputError(`boxes of ${width} numbers in ${metric.output}, where ${wide} are needed`);
  const scores = scoresOf(metric, outputs, count);
  return Array.from({ length: count }, (_, i) => {
    const at = (offset: number): number => Number(boxes.data[i * width + offset]);
    const { score, class: one } = scores?.(i) ?? { score: at(4), class: at(5) };
    return { class: one, score, corners: cornersOf(metric.layout, [at(0), at(1), at(2), at(3)]) };
  });
}

/** How box `i` scores and what it is, where outputs of their own say so. */
function scoresOf(
  { scores: name, classes: classesName }: BoxMetric,
  outputs: Tensors,
  count: number,
): ((i: number) => { score: number; class: number }) | undefined {
  if (name === undefined) return undefined;
  const scores = outputNumbers(outputs, name);
  const classes = classesName === undefined ? undefined : outputNumbers(outputs, classesName);
  const width = count === 0 ? 1 : scores.data.length / count;
  if (!Number.isInteger(width) || width < 1)
    throw new InvalidInputError(`${scores.data.length} scores in ${name} for ${count} boxes`);
  return (i) => {
    const best = argmax(scores, i * width, width);
    return { score: Number(scores.data[i * width + best]), class: classOf(classes, i) ?? best };
  };
}

function classOf(classes: Numbers | undefined, i: number): number | undefined {
  return classes === undefined ? undefined : Number(classes.data[i]);
}

function cornersOf(layout: BoxLayout, [a, b, c, d]: Box['corners']): Box['corners'] {
  switch (layout) {
    case 'xyxy':
      return [a, b, c, d];
    case 'yxyx':
      return [b, a, d, c];
    case 'cxcywh':
      return [a - c / 2, b - d / 2, a + c / 2, b + d / 2];
    case 'xywh':
      return [a, b, a + c, b + d];
  }
}

/** Greedy non-maximum suppression within each class. */
function suppressed(boxes: readonly Box[], most: number | undefined): Box[] {
  if (most === undefined) return [...boxes];
  const kept: Box[] = [];
  for (const box of boxes) {
    if (kept.length === MAX_BOXES) break;
    const rival = bestOverlap(box, kept);
    if (rival === undefined || rival.overlap <= most) kept.push(box);
  }
  return kept;
}

function bestOverlap(box: Box, others: Iterable<Box>): { box: Box; overlap: number } | undefined {
  let best: { box: Box; overlap: number } | undefined;
  for (const other of others) {
    if (other.class !== box.class) continue;
    const overlap = overlapOf(box.corners, other.corners);
    if (best === undefined || overlap > best.overlap) best = { box: other, overlap };
  }
  return best;
}

function overlapOf(a: Box['corners'], b: Box['corners']): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const union = areaOf(a) + areaOf(b) - width * height;
  return union <= 0 ? 0 : (width * height) / union;
}

function areaOf([x1, y1, x2, y2]: Box['corners']): number {
  return Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
}

function truthOf(expected: number | number[]): Box[] {
  if (!Array.isArray(expected) || expected.length % TRUTH_NUMBERS !== 0)
    throw new InvalidInputError('the truth of a box metric is class, x1, y1, x2, y2 of each box');
  return Array.from({ length: expected.length / TRUTH_NUMBERS }, (_, i) => {
    const [one = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0] = expected.slice(i * TRUTH_NUMBERS);
    return { class: one, score: 1, corners: [x1, y1, x2, y2] };
  });
}
