import { MAX_RESULT_BYTES } from '../constants.ts';
import { AppInvalidError } from '../errors.ts';

/**
 * An app's result as JSON text; nothing is `null`.
 *
 * @throws {AppInvalidError} when it has no JSON form (a function, a bigint, a circle) or is too large
 */
export function jsonText(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result ?? null);
  } catch (cause) {
    throw new AppInvalidError('the result has no JSON form', { cause });
  }
  if (text === undefined) throw new AppInvalidError('the result has no JSON form');
  if (Buffer.byteLength(text) > MAX_RESULT_BYTES)
    throw new AppInvalidError(`the result is larger than ${MAX_RESULT_BYTES} bytes as JSON`);
  return text;
}
