import type { z } from 'zod';
import { type ErrorClass, InvalidInputError } from './errors.ts';

/**
 * Checks data from outside against a schema and says in one line what is wrong with it.
 *
 * @throws {InvalidInputError} or the given class
 */
export function parseWith<T>(
  schema: z.ZodType<T>,
  value: unknown,
  what: string,
  Failure: ErrorClass = InvalidInputError,
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  throw new Failure(`${what}: ${issues.join('; ')}`, { cause: result.error });
}
