import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import opentype from 'opentype.js';

/** Faces of the labels. Glyphs are drawn as paths, so that no font of the system matters. */
export const FACES = [
  'DejaVuSans',
  'DejaVuSans-Bold',
  'DejaVuSansCondensed',
  'DejaVuSansCondensed-Bold',
] as const;
export type Face = (typeof FACES)[number];

/** A line of text as an SVG path whose baseline begins at 0,0. */
export interface DrawnText {
  path: string;
  width: number;
  /** From the baseline up to the top of a capital letter. */
  capHeight: number;
}

/** Between words, in ems: as wide as label printers make it, whose characters all have one width. */
const WORD_SPACE = 0.7;

const require = createRequire(import.meta.url);
const faces = new Map<Face, opentype.Font>();

/**
 * Draws a line of text; `size` is the em in pixels. Glyph by glyph: opentype.js 2 fails on the ligature tables of these
 * fonts, and labels have no ligatures.
 */
export function drawText(text: string, face: Face, size: number): DrawnText {
  const font = loadFace(face);
  const scale = size / font.unitsPerEm;
  const path = new opentype.Path();
  let x = 0;
  for (const character of text) {
    const glyph = font.charToGlyph(character);
    path.extend(glyph.getPath(x, 0, size));
    x += character === ' ' ? WORD_SPACE * size : (glyph.advanceWidth ?? 0) * scale;
  }
  return { path: path.toPathData(2), width: x, capHeight: font.charToGlyph('H').getMetrics().yMax * scale };
}

function loadFace(face: Face): opentype.Font {
  let font = faces.get(face);
  if (font === undefined) {
    const file = readFileSync(require.resolve(`dejavu-fonts-ttf/ttf/${face}.ttf`));
    font = opentype.parse(new Uint8Array(file).buffer);
    faces.set(face, font);
  }
  return font;
}
