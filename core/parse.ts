import type { z } from 'zod';
import { type ErrorClass, InvalidInputError } from './errors.ts';

/** For a schema's `safeParse`: what must be there and is not is said to be missing. */
export const SAY_MISSING: { error: z.core.$ZodErrorMap } = {
  error: ({ code, input }) => (code === 'invalid_type' && input === undefined ? 'is missing' : undefined),
};

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
  const result = schema.safeParse(value, SAY_MISSING);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  throw new Failure(`${what}: ${issues.join('; ')}`, { cause: result.error });
}
