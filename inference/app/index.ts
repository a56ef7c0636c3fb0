/**
 * What an app imports as `floormesh/app`: its definition, its context, and the helpers that every app needs.
 * In: events and tensors. Out: results and actions. Nothing here knows of the mesh.
 */
export { float32 } from '../../core/index.ts';
export type { ModelCard, Settings, Tensor, Tensors } from '../../core/index.ts';
export { cropPicture, rotatePicture, straighten } from './crop.ts';
export type { Region, TurnedBox } from './crop.ts';
export { decodeCtc, parseCharset } from './ctc.ts';
export type { ReadText } from './ctc.ts';
export { defineApp } from './define.ts';
export type { ActionPayload, AppContext, AppDefinition, AppEvent, AppModel, Handler } from './define.ts';
export { PictureCodecMissingError, PictureInvalidError, SoundInvalidError } from './errors.ts';
export { decodePicture, encodePicture } from './picture.ts';
export type { DecodeOptions, EncodeOptions, Picture } from './picture.ts';
export { pictureTensor } from './picture-tensor.ts';
export type { Normalisation } from './picture-tensor.ts';
export { resample } from './resample.ts';
export { fitHeight, fitWithin, resizePicture } from './resize.ts';
export type { WidthBounds } from './resize.ts';
export { softmax, topK } from './scores.ts';
export type { ScoredClass } from './scores.ts';
export { decodeWav, encodeWav } from './wav.ts';
export type { Sound } from './wav.ts';
