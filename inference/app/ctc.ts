import { InvalidInputError, type Tensor } from '../../core/index.ts';

/** What a recogniser read, and how sure it was: the mean probability of the characters, 0 to 1. */
export interface ReadText {
  text: string;
  score: number;
}

/** The class that means "no character here". */
const BLANK = 0;

/**
 * Reads a character list, one character (or more than one code unit) a line, for a model with that many classes.
 * Class 0 is the blank, line i is class i; a model that has one class more than that has the space as its last, as
 * the PP-OCR recognisers do.
 *
 * @returns the character of every class, the blank's being empty
 * @throws {InvalidInputError} when list and model do not fit each other
 */
export function parseCharset(file: Uint8Array, classes: number): string[] {
  const lines = new TextDecoder().decode(file).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const charset = ['', ...lines];
  if (charset.length === classes - 1) charset.push(' ');
  if (charset.length !== classes)
    throw new InvalidInputError(`a list of ${lines.length} characters for a model of ${classes} classes`);
  return charset;
}

/**
 * Decodes a connectionist temporal classification output: the best class of every step, repeats merged, blanks
 * dropped (Graves et al. 2006, best path decoding).
 *
 * @param output probabilities, float32 of shape [1, steps, classes] or [steps, classes]
 * @param charset the character of every class, as `parseCharset` gives it
 * @throws {InvalidInputError} when the output has another type or another number of classes
 */
export function decodeCtc(output: Tensor, charset: readonly string[]): ReadText {
  const { data, dims } = output;
  const classes = dims.at(-1) ?? 0;
  const rows = dims.slice(0, -2).reduce((product, dim) => product * dim, 1);
  if (!(data instanceof Float32Array) || dims.length < 2 || rows !== 1 || classes !== charset.length)
    throw new InvalidInputError(
      `${output.type} of ${dims.join('x')} is not an output for one line of ${charset.length} classes`,
    );
  let [text, sum, count, previous] = ['', 0, 0, BLANK];
  for (let from = 0; from < data.length; from += classes) {
    let best = from;
    for (let i = from + 1; i < from + classes; i += 1) if (data[i]! > data[best]!) best = i;
    const found = best - from;
    if (found !== BLANK && found !== previous) {
      text += charset[found];
      sum += data[best]!;
      count += 1;
    }
    previous = found;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}
