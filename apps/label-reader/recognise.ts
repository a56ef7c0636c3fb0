import {
  type AppContext,
  decodeCtc,
  fitHeight,
  parseCharset,
  type Picture,
  pictureTensor,
  type ReadText,
  rotatePicture,
  type Tensor,
} from 'floormesh/app';
import { LINE_BOUNDS, LINE_HEIGHT, RECOGNISER_COLOURS, SURE_SCORE } from './constants.ts';
import { runModel } from './run-model.ts';

/** The recogniser's input for a straightened line: float32 [1, 3, 48, w]. */
export function recogniserInput(line: Picture): Tensor {
  return pictureTensor(fitHeight(line, LINE_HEIGHT, LINE_BOUNDS), RECOGNISER_COLOURS);
}

/** Reads a line with the model `recogniser`; one that is hard to read is tried upside down too. */
export async function readLine(context: AppContext, line: Picture): Promise<ReadText> {
  const upright = await readOnce(context, line);
  if (upright.score >= SURE_SCORE) return upright;
  const turned = await readOnce(context, rotatePicture(line, Math.PI));
  return turned.score > upright.score ? turned : upright;
}

async function readOnce(context: AppContext, line: Picture): Promise<ReadText> {
  const output = await runModel(context, 'recogniser', recogniserInput(line));
  const charset = await context.model('recogniser').file('charset');
  const { text, score } = decodeCtc(output, parseCharset(charset, output.dims.at(-1) ?? 0));
  // How wide a gap is says nothing: what is read as two spaces is one.
  return { text: text.trim().replace(/\s+/g, ' '), score };
}
