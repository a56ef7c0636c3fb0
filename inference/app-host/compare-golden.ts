import type { Tensors } from '../../core/index.ts';
import { GoldenMismatchError } from '../errors.ts';

/**
 * Compares outputs with what the publisher says that they are.
 *
 * @param tolerance largest absolute difference of an element
 * @throws {GoldenMismatchError} naming the output that differs most
 */
export function compareGolden(model: string, got: Tensors, expected: Tensors, tolerance: number): void {
  for (const [name, golden] of Object.entries(expected)) {
    const output = got[name];
    if (output === undefined) throw new GoldenMismatchError(`${model} has no output ${name}`);
    if (output.dims.join('x') !== golden.dims.join('x'))
      throw new GoldenMismatchError(
        `${name} of ${model} is ${output.dims.join('x')}, golden ${golden.dims.join('x')}`,
      );
    const difference = largestDifference(output.data, golden.data);
    if (difference > tolerance)
      throw new GoldenMismatchError(
        `${name} of ${model} differs by ${difference.toPrecision(3)} from its golden value, ${tolerance} is allowed`,
      );
  }
}

/** Infinity where one is a number and the other is not. */
function largestDifference(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    const [left, right] = [Number(a[i]), Number(b[i])];
    if (left === right || (Number.isNaN(left) && Number.isNaN(right))) continue;
    const difference = Math.abs(left - right);
    if (Number.isNaN(difference)) return Infinity;
    if (difference > largest) largest = difference;
  }
  return largest;
}
