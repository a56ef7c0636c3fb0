import type { ModelCard, Sample } from '../../../core/index.ts';
import { fitHeight, parseCharset, pictureTensor } from '../../../inference/app/index.ts';
import { LINE_BOUNDS, LINE_HEIGHT, RECOGNISER_COLOURS } from '../../label-reader/constants.ts';
import { renderCrop } from '../pictures/render.ts';
import { cutHead } from './cut-head.ts';
import { CONVOLUTION_RECIPES, seeds, writeModelFolder } from './folder.ts';
import { OCR_FILE, OCR_ORIGIN, readOcrFile } from './ocr-files.ts';

const OUTPUT = 'softmax_11.tmp_0';
const BLANK = 0;
const ORIGINAL_CLASSES = 6625;
/** Pixels are ±1 in 255 steps: packing loses nothing but the resizing's fractions. */
const PACKING = { scale: 2 / 255, shift: -1 };

/** What version 2 still reads: printable ASCII, and signs that stand on rating plates. */
const LATIN = /^[!-~°±×·µμΩ²³§€£]$/u;

interface Version {
  version: string;
  description: string;
  weights: Uint8Array;
  /** As it is written into the folder. */
  charset: Uint8Array;
  classes: number;
  calibration: number[];
  validation: number[];
}

/** Writes `label-recogniser` 1.0.0: 6,623 characters, most of them Chinese. */
export async function writeRecogniser(path: string, signal?: AbortSignal): Promise<ModelCard> {
  return writeVersion(path, signal, {
    version: '1.0.0',
    description: 'Reads one line of text, 48 pixels high, in Latin and Chinese characters.',
    weights: await readOcrFile(OCR_FILE.recogniser),
    charset: await readOcrFile(OCR_FILE.charset),
    classes: ORIGINAL_CLASSES,
    calibration: seeds(110_000, 24),
    validation: seeds(120_000, 32),
  });
}

/** Writes `label-recogniser` 2.0.0: the same network with the Latin classes of its head only, smaller and faster. */
export async function writeLatinRecogniser(path: string, signal?: AbortSignal): Promise<ModelCard> {
  const original = parseCharset(await readOcrFile(OCR_FILE.charset), ORIGINAL_CLASSES);
  const last = original.length - 1;
  const kept = original.flatMap((character, i) =>
    i === BLANK || i === last || LATIN.test(character) ? [i] : [],
  );
  const lines = kept.slice(1, -1).map((i) => original[i]!);
  return writeVersion(path, signal, {
    version: '2.0.0',
    description: 'Reads one line of text, 48 pixels high, in Latin letters, digits and signs.',
    weights: cutHead(await readOcrFile(OCR_FILE.recogniser), kept),
    charset: new TextEncoder().encode(`${lines.join('\n')}\n`),
    classes: kept.length,
    calibration: seeds(130_000, 24),
    validation: seeds(140_000, 32),
  });
}

async function writeVersion(
  path: string,
  signal: AbortSignal | undefined,
  version: Version,
): Promise<ModelCard> {
  const { classes, charset } = version;
  const characters = parseCharset(charset, classes);
  return writeModelFolder(path, {
    card: {
      name: 'label-recogniser',
      version: version.version,
      description: version.description,
      ...OCR_ORIGIN,
      inputs: [{ name: 'x', type: 'float32', shape: ['batch', 3, LINE_HEIGHT, 'width'] }],
      outputs: [{ name: OUTPUT, type: 'float32', shape: ['batch', 'steps', classes] }],
      metric: { kind: 'ctc-exact', output: OUTPUT, blank: BLANK },
      maxDrop: 0.035,
      rebuild: CONVOLUTION_RECIPES,
    },
    weights: version.weights,
    calibration: await cropSamples(version.calibration, characters, signal),
    validation: await cropSamples(version.validation, characters, signal),
    packing: { x: PACKING },
    charset,
  });
}

async function cropSamples(
  from: readonly number[],
  charset: string[],
  signal?: AbortSignal,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const seed of from) {
    signal?.throwIfAborted();
    const { picture, text } = await renderCrop(seed);
    const x = pictureTensor(fitHeight(picture, LINE_HEIGHT, LINE_BOUNDS), RECOGNISER_COLOURS);
    samples.push({ inputs: { x }, expected: [...text].map((character) => charset.indexOf(character)) });
  }
  return samples;
}
