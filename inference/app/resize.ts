import { checkPicture, checkSides, type Picture } from './picture.ts';

/** For every output position: where its source elements begin, how many they are, and their weights. */
interface Taps {
  first: Int32Array;
  count: Int32Array;
  weights: Float32Array;
  stride: number;
}

/**
 * Scales a picture to the given sides. The filter is a triangle that widens as the picture shrinks, so that no pixel
 * is skipped (as Pillow's BILINEAR).
 *
 * @param width in pixels @param height in pixels
 * @throws {TypeError} for sides that no picture may have
 */
export function resizePicture(picture: Picture, width: number, height: number): Picture {
  checkPicture(picture);
  checkSides(width, height);
  if (width === picture.width && height === picture.height) return picture;
  const across = triangle(picture.width, width);
  const down = triangle(picture.height, height);
  const narrow = scaleRows(picture, across, width);
  const data = new Uint8Array(width * height * 3);
  const row = new Float32Array(width * 3);
  for (let y = 0; y < height; y += 1) {
    row.fill(0.5);
    for (let tap = 0; tap < down.count[y]!; tap += 1) {
      const weight = down.weights[y * down.stride + tap]!;
      const from = (down.first[y]! + tap) * width * 3;
      for (let i = 0; i < row.length; i += 1) row[i]! += weight * narrow[from + i]!;
    }
    data.set(row, y * row.length);
  }
  return { width, height, data };
}

/**
 * Scales a picture so that it fits into a square of `side` pixels with both sides multiples of `multiple`, keeping
 * its aspect but for that rounding. A smaller picture is not enlarged beyond the rounding.
 */
export function fitWithin(picture: Picture, side: number, multiple = 1): Picture {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const most = Math.max(multiple, Math.floor(side / multiple) * multiple);
  const fit = (length: number) =>
    Math.min(most, Math.max(multiple, Math.round((length * scale) / multiple) * multiple));
  return resizePicture(picture, fit(picture.width), fit(picture.height));
}

export interface WidthBounds {
  minWidth: number;
  maxWidth: number;
  /** The width is a multiple of this. */
  multiple: number;
}

/** Scales a picture to a height; its width follows by its aspect, within bounds. */
export function fitHeight(picture: Picture, height: number, bounds: WidthBounds): Picture {
  const { minWidth, maxWidth, multiple } = bounds;
  const wanted = Math.ceil((picture.width * height) / picture.height / multiple) * multiple;
  return resizePicture(picture, Math.min(maxWidth, Math.max(minWidth, wanted)), height);
}

function triangle(from: number, to: number): Taps {
  const scale = from / to;
  const radius = Math.max(1, scale);
  const stride = Math.ceil(radius * 2) + 1;
  const taps: Taps = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Float32Array(to * stride),
    stride,
  };
  for (let i = 0; i < to; i += 1) {
    const centre = (i + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - radius));
    const last = Math.min(from - 1, Math.floor(centre + radius));
    let sum = 0;
    for (let j = first; j <= last; j += 1) sum += weightAt(j, centre, radius);
    taps.first[i] = first;
    taps.count[i] = last - first + 1;
    for (let j = first; j <= last; j += 1)
      taps.weights[i * stride + j - first] = weightAt(j, centre, radius) / sum;
  }
  return taps;
}

function weightAt(position: number, centre: number, radius: number): number {
  // The hair's breadth keeps the sum above zero where the only source pixel lies exactly on the triangle's edge.
  return Math.max(1e-6, 1 - Math.abs(position - centre) / radius);
}

function scaleRows(picture: Picture, taps: Taps, width: number): Float32Array {
  const out = new Float32Array(width * picture.height * 3);
  for (let y = 0; y < picture.height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let [red, green, blue] = [0, 0, 0];
      let from = (y * picture.width + taps.first[x]!) * 3;
      for (let tap = 0; tap < taps.count[x]!; tap += 1, from += 3) {
        const weight = taps.weights[x * taps.stride + tap]!;
        red += weight * picture.data[from]!;
        green += weight * picture.data[from + 1]!;
        blue += weight * picture.data[from + 2]!;
      }
      const to = (y * width + x) * 3;
      out[to] = red;
      out[to + 1] = green;
      out[to + 2] = blue;
    }
  }
  return out;
}
