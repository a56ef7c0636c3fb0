import type { Random } from '../random.ts';
import { drawText, type Face, FACES } from './font.ts';

/** A printed plate with one or more lines, as a piece of SVG whose middle is at 0,0. */
export interface Sticker {
  svg: string;
  width: number;
  height: number;
  /** Of its longest line. */
  textWidth: number;
}

interface Ink {
  paper: string;
  text: string;
}

const INKS: readonly Ink[] = [
  { paper: '#f4f2ea', text: '#161616' },
  { paper: '#f2d24b', text: '#1b1a12' },
  { paper: '#c9ced2', text: '#20242a' },
  { paper: '#20262e', text: '#eceff1' },
  { paper: '#1d4f8c', text: '#f5f7fa' },
];

/**
 * Prints lines on a plate, scaled down where that is what it takes to keep to `maxWidth` (pixels).
 *
 * @param size em of the text in pixels
 */
export function printSticker(
  random: Random,
  lines: readonly string[],
  size: number,
  maxWidth: number,
): Sticker {
  const face = random.pick<Face>(FACES);
  const ink = random.pick(INKS);
  const widest = Math.max(...lines.map((line) => drawText(line, face, 1).width));
  const em = Math.min(size, maxWidth / (widest + 1.6));
  const drawn = lines.map((line) => drawText(line, face, em));
  const pitch = em * random.between(1.6, 2);
  const width = widest * em + em * random.between(1, 1.6);
  const height = pitch * lines.length + em * random.between(0.1, 0.5);
  const border = random.chance(0.5)
    ? `<rect x="${-width / 2 + em * 0.15}" y="${-height / 2 + em * 0.15}" width="${width - em * 0.3}"
        height="${height - em * 0.3}" fill="none" stroke="${ink.text}" stroke-width="${em * 0.05}"/>`
    : '';
  const left = (-widest * em) / 2;
  const rows = drawn.map(({ path, capHeight }, i) => {
    const baseline = (i + 0.5 - lines.length / 2) * pitch + capHeight / 2;
    return `<path transform="translate(${left.toFixed(2)} ${baseline.toFixed(2)})" d="${path}" fill="${ink.text}"/>`;
  });
  const paper = `<rect x="${-width / 2}" y="${-height / 2}" width="${width}" height="${height}"
    rx="${em * 0.12}" fill="${ink.paper}"/>`;
  return { svg: paper + border + rows.join(''), width, height, textWidth: widest * em };
}
