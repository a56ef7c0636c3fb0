import sharp from 'sharp';
import { encodePicture, type Picture, straighten } from '../../../inference/app/index.ts';
import { type Random, randomOf } from '../random.ts';
import { expose, paintSurface } from './camera.ts';
import { writeLabels, writeLine } from './label-text.ts';
import { printSticker, type Sticker } from './sticker.ts';

/** A picture of a product with its labels, and what they say. */
export interface LabelPicture {
  jpeg: Uint8Array;
  /** The text of every line, from top to bottom. */
  labels: string[];
  /** True when a line is not as label-reader's setting `expected` wants it. */
  defect: boolean;
}

export interface RenderOptions {
  /** Whether a label is wrong. Default: one picture in four. */
  defect?: boolean;
  width?: number;
  height?: number;
}

/** A line of text as the detector would cut it out, and what it says. */
export interface LabelCrop {
  picture: Picture;
  text: string;
}

const WIDTH = 1280;
const HEIGHT = 960;
const JPEG_QUALITY = 88;

/** Renders a picture of labels on a surface as a camera sees it: turned, lit from one side, blurred, noisy. */
export async function renderLabelPicture(seed: number, options: RenderOptions = {}): Promise<LabelPicture> {
  const random = randomOf(seed);
  const { width = WIDTH, height = HEIGHT } = options;
  const { labels, defect } = writeLabels(random, options.defect ?? random.chance(0.25));
  const plates = random.chance(0.5) ? [labels] : labels.map((label) => [label]);
  const size = Math.min(random.between(width * 0.032, width * 0.055), height / (labels.length * 2.8));
  const stickers = plates.map((lines) => printSticker(random, lines, size, width * 0.8));
  const svg = place(random, stickers, width, height);
  const picture = await photograph(random, svg, width, height, random.between(0.4, 1.3));
  return { jpeg: await encodePicture(picture, 'jpeg', { quality: JPEG_QUALITY }), labels, defect };
}

/** Renders one line of text, cut out with the margins and the slight turn that a detector leaves. */
export async function renderCrop(seed: number): Promise<LabelCrop> {
  const random = randomOf(seed);
  const text = writeLine(random);
  const size = random.between(34, 64);
  const sticker = printSticker(random, [text], size, 1200);
  const [width, height] = [Math.ceil(sticker.width + size), Math.ceil(sticker.height + size)];
  const turn = random.between(-2, 2);
  const svg = `<g transform="translate(${width / 2} ${height / 2}) rotate(${turn})">${sticker.svg}</g>`;
  const picture = await photograph(random, svg, width, height, random.between(0.4, 1.3));
  const boxWidth = sticker.textWidth + size * random.between(0.15, 0.4);
  const boxHeight = size * random.between(1.4, 1.7);
  const box = {
    x: width / 2,
    y: height / 2,
    width: boxWidth,
    height: boxHeight,
    angle: (turn * Math.PI) / 180,
  };
  return { picture: straighten(picture, box), text };
}

/** Renders a picture and gives its pixels as they were before the JPEG. */
async function photograph(
  random: Random,
  svg: string,
  width: number,
  height: number,
  blur: number,
): Promise<Picture> {
  const surface = paintSurface(random, width, height);
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${svg}</svg>`;
  const composed = sharp(surface.data, { raw: { width, height, channels: 3 } }).composite([
    { input: Buffer.from(overlay) },
  ]);
  // sharp blurs before it composes, whatever the order of the calls: two passes.
  const flat = await composed.removeAlpha().raw().toBuffer();
  const blurred = await sharp(flat, { raw: { width, height, channels: 3 } })
    .blur(blur)
    .raw()
    .toBuffer();
  const picture = { width, height, data: new Uint8Array(blurred) };
  expose(random, picture);
  return picture;
}

/** Puts stickers below each other, each somewhere in its band, slightly turned. */
function place(random: Random, stickers: readonly Sticker[], width: number, height: number): string {
  const turn = random.between(-4, 4);
  const free = height - stickers.reduce((sum, sticker) => sum + sticker.height, 0);
  const gap = free / (stickers.length + 1);
  let y = 0;
  const placed = stickers.map((sticker) => {
    y += gap + sticker.height / 2;
    const roomX = Math.max(0, (width * 0.94 - sticker.width) / 2);
    const x = width / 2 + random.between(-roomX, roomX) * 0.8;
    const at = y + random.between(-0.15, 0.15) * gap;
    y += sticker.height / 2;
    const own = turn + random.between(-1, 1);
    return `<g transform="translate(${x.toFixed(1)} ${at.toFixed(1)}) rotate(${own.toFixed(2)})">${sticker.svg}</g>`;
  });
  return placed.join('');
}
