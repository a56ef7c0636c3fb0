import type { Normalisation } from 'floormesh/app';

/** How the PP-OCR detectors were trained: ImageNet's mean and deviation, on channels in OpenCV's order. */
export const DETECTOR_COLOURS: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  order: 'bgr',
};
/** The detector halves its input five times. */
export const DETECTOR_MULTIPLE = 32;

/** How the PP-OCR recognisers were trained: ±1. */
export const RECOGNISER_COLOURS: Normalisation = {
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  order: 'bgr',
};
/** The recogniser's height is fixed; its width follows the line, in steps so that few shapes occur. */
export const LINE_HEIGHT = 48;
export const LINE_BOUNDS = { minWidth: 48, maxWidth: 1280, multiple: 16 };
/** A line that is read with less confidence is tried upside down too: so read, letters still look like some. */
export const SURE_SCORE = 0.9;

/** A pixel of the detector's map that belongs to text. */
export const TEXT_THRESHOLD = 0.3;
/** The mean of the map in a box that is a line of text. */
export const BOX_THRESHOLD = 0.6;
/**
 * How far a box grows around the shrunk text that the detector was trained to find. PP-OCR's own value is 1.5; with
 * more margin the recogniser keeps the spaces between words (130 of 131 labels exact, against 121).
 */
export const UNCLIP_RATIO = 2.2;
/** Lines in one picture; the largest are kept. */
export const MAX_LINES = 64;
/** A box whose shorter side has fewer pixels of the map is dirt. */
export const MIN_BOX_SIDE = 3;
/** What parts of one line may differ in: height, turn (radians), and offset and gap in heights of the lower one. */
export const JOIN = { heightRatio: 1.6, turn: 0.15, offset: 0.35, gap: 0.8 };
