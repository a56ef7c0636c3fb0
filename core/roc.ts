import type { Numbers } from './numbers.ts';
import { argmax, rowsOf } from './sample-scores.ts';
import type { Sample } from './samples.ts';

/**
 * What the rows of an output say for the ROC curve: the number of scores in a row, then for each row its class and its
 * scores. A row of one score is of class 1 or 0.
 */
export function rocEvidence(
  got: Numbers,
  expected: Sample['expected'],
  original: Numbers,
  threshold: number,
): number[] {
  const { rows, width } = rowsOf(got);
  const evidence = [width];
  for (let row = 0; row < rows; row += 1) {
    const truth = Array.isArray(expected) ? expected[row] : expected;
    const ofOriginal =
      width === 1 ? Number(Number(original.data[row]) > threshold) : argmax(original, row * width, width);
    evidence.push(truth ?? ofOriginal);
    for (let i = 0; i < width; i += 1) evidence.push(Number(got.data[row * width + i]));
  }
  return evidence;
}

/**
 * Area under the ROC curve, which is how often a sample that belongs to a class scores higher than one that does not,
 * ties counting half (Hanley and McNeil 1982). With several classes the mean over those that have samples of both
 * kinds, each against the rest. A set with samples of one class only has no curve: then the share of rows on the right
 * side of the threshold, or with the right class on top.
 */
export function areaUnderCurve(evidence: readonly (readonly number[])[], threshold: number): number {
  const rows = evidence.flatMap(rowsOfEvidence);
  const width = rows[0]?.scores.length ?? 0;
  const classes = width === 1 ? [1] : Array.from({ length: width }, (_, index) => index);
  const areas = classes.flatMap((one) => {
    const column = width === 1 ? 0 : one;
    const inside = rows.filter(({ truth }) => truth === one).map(({ scores }) => scores[column] ?? 0);
    const outside = rows.filter(({ truth }) => truth !== one).map(({ scores }) => scores[column] ?? 0);
    return inside.length === 0 || outside.length === 0 ? [] : [shareHigher(inside, outside)];
  });
  if (areas.length > 0) return areas.reduce((sum, area) => sum + area, 0) / areas.length;
  const right = rows.filter(({ truth, scores }) =>
    width === 1
      ? scores.every((score) => score > threshold === (truth === 1))
      : argmax({ data: scores }) === truth,
  );
  return rows.length === 0 ? 0 : right.length / rows.length;
}

interface Row {
  truth: number;
  scores: number[];
}

function rowsOfEvidence(evidence: readonly number[]): Row[] {
  const [width = 0] = evidence;
  const rows: Row[] = [];
  for (let at = 1; at < evidence.length; at += width + 1)
    rows.push({ truth: evidence[at] ?? 0, scores: evidence.slice(at + 1, at + 1 + width) });
  return rows;
}

/** By ranks: n log n where comparing each with each takes n². What is no number counts as the lowest score. */
function shareHigher(inside: readonly number[], outside: readonly number[]): number {
  const comparable = (score: number): number => (Number.isNaN(score) ? -Infinity : score);
  const all = [
    ...inside.map((score) => ({ score: comparable(score), isInside: true })),
    ...outside.map((score) => ({ score: comparable(score), isInside: false })),
  ].sort((a, b) => (a.score === b.score ? 0 : a.score < b.score ? -1 : 1));
  let higher = 0;
  let below = 0;
  for (let from = 0; from < all.length;) {
    let to = from;
    while (to < all.length && all[to]?.score === all[from]?.score) to += 1;
    const tied = all.slice(from, to);
    const tiedInside = tied.filter(({ isInside }) => isInside).length;
    const tiedOutside = tied.length - tiedInside;
    higher += tiedInside * (below + tiedOutside / 2);
    below += tiedOutside;
    from = to;
  }
  return higher / (inside.length * outside.length);
}
