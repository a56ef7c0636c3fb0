import type { Sharp, SharpOptions } from 'sharp';
import { MAX_EVENT_BYTES } from '../../core/index.ts';
import { JPEG_QUALITY, MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE } from './constants.ts';
import { PictureCodecMissingError, PictureInvalidError } from './errors.ts';

/** A picture in memory: 3 bytes (red, green, blue) for each pixel, row after row from the top left. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8Array;
}

export interface DecodeOptions {
  /** A picture whose longer side has more pixels is scaled down to it as it is read. */
  maxSide?: number;
}

export interface EncodeOptions {
  /** Of a JPEG, 1 to 100. */
  quality?: number;
}

type SharpModule = (input: Uint8Array, options?: SharpOptions) => Sharp;

let codec: Promise<SharpModule> | undefined;

/**
 * Decodes a JPEG, PNG, WebP, GIF (its first frame) or TIFF file, turned upright by its EXIF orientation; transparent
 * parts become white.
 *
 * @throws {PictureInvalidError} @throws {PictureCodecMissingError}
 */
export async function decodePicture(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Picture> {
  if (bytes.byteLength > MAX_EVENT_BYTES)
    throw new PictureInvalidError(
      `a picture of ${bytes.byteLength} bytes where ${MAX_EVENT_BYTES} are allowed`,
    );
  const sharp = await loadCodec();
  try {
    let image = sharp(bytes, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' }).autoOrient();
    if (options.maxSide !== undefined)
      image = image.resize(options.maxSide, options.maxSide, { fit: 'inside', withoutEnlargement: true });
    const { data, info } = await image
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: toRgb(data, info.channels) };
  } catch (cause) {
    throw new PictureInvalidError(`not a picture: ${reason(cause)}`, { cause });
  }
}

/** Encodes a picture as a PNG (exact) or JPEG file. @throws {PictureCodecMissingError} */
export async function encodePicture(
  picture: Picture,
  format: 'png' | 'jpeg',
  options: EncodeOptions = {},
): Promise<Uint8Array> {
  checkPicture(picture);
  const sharp = await loadCodec();
  const raw = { width: picture.width, height: picture.height, channels: 3 } as const;
  const image = sharp(picture.data, { raw });
  const encoded = format === 'png' ? image.png() : image.jpeg({ quality: options.quality ?? JPEG_QUALITY });
  return new Uint8Array(await encoded.toBuffer());
}

/** @throws {TypeError} when a picture's sides and its data do not fit each other */
export function checkPicture(picture: Picture): void {
  const { width, height, data } = picture;
  checkSides(width, height);
  if (data.length !== width * height * 3)
    throw new TypeError(
      `a picture of ${width}x${height} has ${width * height * 3} bytes, not ${data.length}`,
    );
}

/** @throws {TypeError} when no picture may have these sides, in pixels */
export function checkSides(width: number, height: number): void {
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!whole || Math.max(width, height) > MAX_PICTURE_SIDE || width * height > MAX_PICTURE_PIXELS)
    throw new TypeError(`a picture cannot be ${width}x${height}`);
}

/** sharp is a native module that some platforms lack: it is loaded when a picture is first read or written. */
async function loadCodec(): Promise<SharpModule> {
  codec ??= import('sharp').then(({ default: sharp }) => {
    // One thread and no cache: an app's memory is bounded, and its machine has other work.
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  try {
    return await codec;
  } catch (cause) {
    throw new PictureCodecMissingError(undefined, { cause });
  }
}

function toRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (channels !== 1) throw new TypeError(`${channels} channels after conversion to sRGB`);
  const rgb = new Uint8Array(data.length * 3);
  for (let i = 0; i < data.length; i += 1) rgb.fill(data[i]!, i * 3, i * 3 + 3);
  return rgb;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]!.slice(0, 200) : 'it cannot be read';
}
