import { ModelBrokenError } from '../errors.ts';

/**
 * Elements of a tensor of that shape.
 *
 * @throws {ModelBrokenError} for a dimension below zero, and for more than a number can count
 */
export function shapeCount(dims: readonly bigint[], where = 'a tensor'): number {
  const refuse = (): never => {
    throw new ModelBrokenError(`${where} has the shape ${dims.slice(0, 16).join('x')}`);
  };
  if (dims.some((dim) => dim < 0n)) return refuse();
  if (dims.includes(0n)) return 0;
  let count = 1;
  for (const dim of dims) {
    count *= Number(dim);
    if (count > Number.MAX_SAFE_INTEGER) return refuse();
  }
  return count;
}
