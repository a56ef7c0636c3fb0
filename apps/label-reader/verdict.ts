/** Whether what was read is what should be there. */
export interface Verdict {
  ok: boolean;
  /** Positions of the labels that match none of the expected patterns. */
  wrong: number[];
  /** Required patterns that no label matches. */
  missing: string[];
}

/**
 * Holds texts against patterns. A pattern must match a text as a whole.
 *
 * @param expected each text must match one of these; with none every text will do
 * @param required each of these must be matched by a text
 */
export function judge(
  texts: readonly string[],
  expected: readonly RegExp[],
  required: readonly RegExp[],
): Verdict {
  const wrong = texts.flatMap((text, i) =>
    expected.length === 0 || expected.some((pattern) => pattern.test(text)) ? [] : [i],
  );
  const missing = required
    .filter((pattern) => !texts.some((text) => pattern.test(text)))
    .map((pattern) => pattern.source.slice('^(?:'.length, -')$'.length));
  return { ok: texts.length > 0 && wrong.length === 0 && missing.length === 0, wrong, missing };
}

/**
 * Compiles patterns so that they match whole texts only.
 *
 * @throws {TypeError} naming the pattern that is no regular expression
 */
export function compilePatterns(patterns: readonly string[]): RegExp[] {
  return patterns.map((pattern) => {
    try {
      return new RegExp(`^(?:${pattern})$`, 'u');
    } catch (cause) {
      throw new TypeError(`not a regular expression: ${pattern}`, { cause });
    }
  });
}
