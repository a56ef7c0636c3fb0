import { ModelBrokenError } from '../errors.ts';

/**
 * Elements of a tensor of that shape.
 *
 * @throws {ModelBrokenError} for a dimension below zero, and for more than a number can count
 */
export function shapeCount(dims: readonly bigint[], where = 'a tensor'): number {
  const count = dims.reduce((product, dim) => product * dim, 1n);
  if (dims.some((dim) => dim < 0n) || count > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ModelBrokenError(`${where} has the shape ${dims.slice(0, 16).join('x')}`);
  return Number(count);
}
