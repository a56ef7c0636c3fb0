import {
  type AppContext,
  type AppEvent,
  decodePicture,
  defineApp,
  encodePicture,
  fitWithin,
  type Picture,
  straighten,
  type TurnedBox,
} from 'floormesh/app';
import { cornersOf } from './boxes.ts';
import { detectorInput, linesOf } from './detect.ts';
import { readLine } from './recognise.ts';
import { runModel } from './run-model.ts';
import { readSettings, type ReaderSettings } from './settings.ts';
import { judge, type Verdict } from './verdict.ts';

/** A label as it was read. */
export interface Label {
  text: string;
  /** The mean confidence of its characters, 0 to 1. */
  score: number;
  /** Its corners, clockwise from the top left of the text, in pixels of the picture as `ReadResult` sizes it. */
  box: [number, number][];
}

/** What the handler `picture` returns. */
export interface ReadResult {
  labels: Label[];
  /** True when there are labels, all of them match an expected pattern, and none that is required is missing. */
  ok: boolean;
  /** Required patterns that no label matches. */
  missing: string[];
  /** The picture's sides after the scaling of the setting `pictureSide`. */
  picture: { width: number; height: number };
}

/** The longer side of the picture that goes with an alarm when there is no label to show, in pixels. */
const ATTACHMENT_SIDE = 640;

/** An action's message is a line for people; the details have everything. */
const MAX_MESSAGE_CHARS = 1000;
/** A topic may be longer than an action may carry. */
const MAX_NAME_CHARS = 200;

interface Found {
  label: Label;
  crop: Picture;
}

export default defineApp({
  setup: async (context) => {
    readSettings(context.settings);
  },
  on: { picture: handlePicture },
});

async function handlePicture(event: AppEvent, context: AppContext): Promise<ReadResult> {
  const settings = readSettings(context.settings);
  const picture = await decodePicture(event.data, { maxSide: settings.pictureSide });
  const found = await readLabels(context, settings, picture);
  const labels = found.map(({ label }) => label);
  const verdict = judge(
    labels.map(({ text }) => text),
    settings.expected,
    settings.required,
  );
  const { width, height } = picture;
  const result: ReadResult = { labels, ok: verdict.ok, missing: verdict.missing, picture: { width, height } };
  const name = event.name.slice(0, MAX_NAME_CHARS);
  const details = { name, source: event.source, at: event.at, ...result };
  const read = labels
    .map(({ text }) => text)
    .join(', ')
    .slice(0, MAX_MESSAGE_CHARS);
  await context.act('publish', { message: read === '' ? 'no label' : read, details });
  if (!verdict.ok) {
    const message = complaint(verdict, labels);
    const crop = found[verdict.wrong[0] ?? -1]?.crop ?? fitWithin(picture, ATTACHMENT_SIDE);
    const attachment = { contentType: 'image/png', data: await encodePicture(crop, 'png') };
    await context.act('alarm', { message, details, attachment });
    await context.act('call', { message, details });
  }
  return result;
}

async function readLabels(context: AppContext, settings: ReaderSettings, picture: Picture): Promise<Found[]> {
  const map = await runModel(context, 'detector', detectorInput(picture, settings.detectionSide));
  const found: Found[] = [];
  for (const box of linesOf(map, picture)) {
    context.signal.throwIfAborted();
    const crop = straighten(picture, box);
    const { text, score } = await readLine(context, crop);
    if (text === '' || score < settings.minScore) continue;
    found.push({ label: { text, score: round(score, 1000), box: outline(box) }, crop });
  }
  return found;
}

function complaint(verdict: Verdict, labels: readonly Label[]): string {
  if (labels.length === 0) return 'no label found';
  const wrong = verdict.wrong.map((i) => `unexpected label ${JSON.stringify(labels[i]!.text)}`);
  const missing = verdict.missing.map((pattern) => `no label ${pattern}`);
  return [...wrong, ...missing].join('; ').slice(0, MAX_MESSAGE_CHARS);
}

function outline(box: TurnedBox): [number, number][] {
  return cornersOf(box).map(({ x, y }) => [round(x, 10), round(y, 10)]);
}

function round(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
