import type { Sample } from '../../../core/index.ts';
import { openPlain } from '../plain.ts';

/** The last layer of a classifier. */
export interface Head {
  /** One row of weights for every class. */
  weight: Float32Array;
  bias: Float32Array;
}

const FEATURES = 'features';
/** Of the features' mean square: enough to keep the equations well conditioned. */
const RIDGE = 1e-3;

/**
 * Fits a classifier's last layer to labelled data by ridge regression on the features that the network gives: random
 * convolutions tell many things apart (Jarrett et al. 2009), so the model is a real one, made in seconds.
 *
 * @param network gives `features`, float32 [batch, n]
 */
export async function fitHead(
  network: Uint8Array,
  samples: readonly Sample[],
  classes: number,
): Promise<Head> {
  const model = await openPlain(network);
  const rows: Float64Array[] = [];
  const labels: number[] = [];
  for (const { inputs, expected } of samples) {
    const { [FEATURES]: features } = await model.run(inputs);
    const width = features?.dims[1] ?? 0;
    for (let at = 0; at < (features?.dims[0] ?? 0); at += 1) {
      const row = new Float64Array(width + 1);
      for (let i = 0; i < width; i += 1) row[i] = Number(features?.data[at * width + i]);
      row[width] = 1;
      rows.push(row);
    }
    labels.push(...(Array.isArray(expected) ? expected : [expected ?? 0]));
  }
  await model.close();
  return solve(rows, labels, classes);
}

/** Least squares of one-hot targets: (XᵀX + ridge) W = XᵀY. */
function solve(rows: readonly Float64Array[], labels: readonly number[], classes: number): Head {
  const size = rows[0]?.length ?? 0;
  const width = size + classes;
  const system = Array.from({ length: size }, () => new Float64Array(width));
  rows.forEach((row, at) => {
    for (let i = 0; i < size; i += 1) {
      const equation = system[i] as Float64Array;
      const value = row[i] as number;
      for (let j = 0; j < size; j += 1) (equation[j] as number) += value * (row[j] as number);
      (equation[size + (labels[at] ?? 0)] as number) += value;
    }
  });
  const trace = system.reduce((sum, equation, i) => sum + (equation[i] ?? 0), 0);
  system.forEach((equation, i) => ((equation[i] as number) += (RIDGE * trace) / size));
  eliminate(system, size, width);
  const weight = new Float32Array(classes * (size - 1));
  const bias = new Float32Array(classes);
  for (let label = 0; label < classes; label += 1) {
    for (let i = 0; i < size - 1; i += 1) weight[label * (size - 1) + i] = system[i]?.[size + label] ?? 0;
    bias[label] = system[size - 1]?.[size + label] ?? 0;
  }
  return { weight, bias };
}

/** Gauss and Jordan's elimination, in place. The matrix is positive definite, so no row has to be exchanged. */
function eliminate(system: Float64Array[], size: number, width: number): void {
  for (let column = 0; column < size; column += 1) {
    const pivot = system[column] as Float64Array;
    const scale = 1 / (pivot[column] as number);
    for (let j = column; j < width; j += 1) (pivot[j] as number) *= scale;
    for (const [i, equation] of system.entries()) {
      const factor = equation[column] as number;
      if (i === column || factor === 0) continue;
      for (let j = column; j < width; j += 1) (equation[j] as number) -= factor * (pivot[j] as number);
    }
  }
}
