import { fitWithin, type Picture, pictureTensor, type Tensor, type TurnedBox } from 'floormesh/app';
import { boxAround, meanInside, unclip } from './boxes.ts';
import {
  BOX_THRESHOLD,
  DETECTOR_COLOURS,
  DETECTOR_MULTIPLE,
  MAX_LINES,
  MIN_BOX_SIDE,
  TEXT_THRESHOLD,
  UNCLIP_RATIO,
} from './constants.ts';
import { joinLines } from './join.ts';
import { findRegions } from './regions.ts';

/** The detector's input for a picture: float32 [1, 3, h, w], no side longer than `side` pixels. */
export function detectorInput(picture: Picture, side: number): Tensor {
  return pictureTensor(fitWithin(picture, side, DETECTOR_MULTIPLE), DETECTOR_COLOURS);
}

/**
 * Turns the detector's map (the probability of text at every pixel, float32 [1, 1, h, w]) into boxes around lines, in
 * the picture's pixels, from top to bottom.
 *
 * @throws {TypeError} when the map is something else
 */
export function linesOf(map: Tensor, picture: Picture): TurnedBox[] {
  const [height = 0, width = 0] = map.dims.slice(-2);
  const { data } = map;
  if (!(data instanceof Float32Array) || width === 0 || data.length !== width * height)
    throw new TypeError(`the detector gave ${map.type} of ${map.dims.join('x')} where a map is due`);
  const [scaleX, scaleY] = [picture.width / width, picture.height / height];
  const boxes: TurnedBox[] = [];
  for (const region of findRegions(data, width, height, TEXT_THRESHOLD).slice(0, MAX_LINES)) {
    const box = boxAround(region.ends);
    if (Math.min(box.width, box.height) < MIN_BOX_SIDE) continue;
    if (meanInside(data, width, height, box) < BOX_THRESHOLD) continue;
    boxes.push(toPicture(unclip(box, UNCLIP_RATIO), scaleX, scaleY));
  }
  return joinLines(boxes).sort((a, b) => a.y - b.y || a.x - b.x);
}

/** From map to picture. The two scales differ by the rounding to whole steps only, so one serves for the sides. */
function toPicture(box: TurnedBox, scaleX: number, scaleY: number): TurnedBox {
  const [cos, sin] = [Math.cos(box.angle), Math.sin(box.angle)];
  return {
    x: box.x * scaleX,
    y: box.y * scaleY,
    width: box.width * Math.hypot(cos * scaleX, sin * scaleY),
    height: box.height * Math.hypot(sin * scaleX, cos * scaleY),
    angle: Math.atan2(sin * scaleY, cos * scaleX),
  };
}
