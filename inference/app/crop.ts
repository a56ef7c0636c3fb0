import { checkPicture, checkSides, type Picture } from './picture.ts';

/** An upright part of a picture, in pixels from its top left. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A turned rectangle in a picture: its centre and sides in pixels, and its angle in radians, clockwise. */
export interface TurnedBox extends Region {
  angle: number;
}

/**
 * Cuts an upright part out of a picture; what lies outside of the picture is left out.
 *
 * @throws {TypeError} when nothing of it lies inside
 */
export function cropPicture(picture: Picture, region: Region): Picture {
  checkPicture(picture);
  const left = Math.max(0, Math.round(region.x));
  const top = Math.max(0, Math.round(region.y));
  const width = Math.min(picture.width, Math.round(region.x + region.width)) - left;
  const height = Math.min(picture.height, Math.round(region.y + region.height)) - top;
  checkSides(width, height);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const from = ((top + y) * picture.width + left) * 3;
    data.set(picture.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}

/**
 * Cuts a turned rectangle (`x` and `y` are its centre) out of a picture and straightens it, with bilinear sampling.
 * Outside of the picture its edge pixels go on.
 *
 * @throws {TypeError} for sides that no picture may have
 */
export function straighten(picture: Picture, box: TurnedBox): Picture {
  checkPicture(picture);
  const width = Math.max(1, Math.round(box.width));
  const height = Math.max(1, Math.round(box.height));
  checkSides(width, height);
  const [cos, sin] = [Math.cos(box.angle), Math.sin(box.angle)];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const dy = y + 0.5 - height / 2;
    for (let x = 0; x < width; x += 1) {
      const dx = x + 0.5 - width / 2;
      const fromX = box.x + dx * cos - dy * sin - 0.5;
      const fromY = box.y + dx * sin + dy * cos - 0.5;
      sample(picture, fromX, fromY, data, (y * width + x) * 3);
    }
  }
  return { width, height, data };
}

/**
 * Turns a picture clockwise around its centre. Quarter turns are exact; at other angles (radians) the result is as
 * large as the turned picture needs, its corners filled from the edges.
 */
export function rotatePicture(picture: Picture, angle: number): Picture {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)].map((part) => (Math.abs(part) < 1e-9 ? 0 : part));
  return straighten(picture, {
    x: picture.width / 2,
    y: picture.height / 2,
    width: Math.ceil(Math.abs(picture.width * cos!) + Math.abs(picture.height * sin!) - 1e-6),
    height: Math.ceil(Math.abs(picture.width * sin!) + Math.abs(picture.height * cos!) - 1e-6),
    angle: -angle,
  });
}

/** Writes the colour between the pixels around (x, y); pixel (0, 0) has its middle there. */
function sample(picture: Picture, x: number, y: number, out: Uint8Array, at: number): void {
  const { width, height, data } = picture;
  const insideX = Math.min(width - 1, Math.max(0, x));
  const insideY = Math.min(height - 1, Math.max(0, y));
  const left = Math.floor(insideX);
  const top = Math.floor(insideY);
  const right = Math.min(width - 1, left + 1);
  const bottom = Math.min(height - 1, top + 1);
  const [partX, partY] = [insideX - left, insideY - top];
  for (let channel = 0; channel < 3; channel += 1) {
    const upper =
      data[(top * width + left) * 3 + channel]! * (1 - partX) +
      data[(top * width + right) * 3 + channel]! * partX;
    const lower =
      data[(bottom * width + left) * 3 + channel]! * (1 - partX) +
      data[(bottom * width + right) * 3 + channel]! * partX;
    out[at + channel] = Math.round(upper * (1 - partY) + lower * partY);
  }
}
