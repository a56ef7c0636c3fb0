import { decode, type ErrorRecord, InvalidInputError } from '../../core/index.ts';

/** What goes back over the wire: a value, or what went wrong. */
export type Answer = { value: unknown } | { error: ErrorRecord };

const MAX_TEXT_CHARS = 4000;

/** @throws {InvalidInputError} @throws {MessageTooLargeError} */
export function parseAnswer(bytes: Uint8Array, maxBytes: number): Answer {
  const answer = decode(bytes, maxBytes);
  if (!isRecord(answer)) throw new InvalidInputError('an answer must be a map');
  if (!('error' in answer)) return { value: answer['value'] };
  const { error } = answer;
  if (!isRecord(error)) throw new InvalidInputError('the error of an answer must be a map');
  const { code, message, hint } = error;
  if (!isText(code) || !isText(message))
    throw new InvalidInputError('an error must have a code and a message');
  return { error: { code, message, ...(isText(hint) ? { hint } : {}) } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT_CHARS;
}
