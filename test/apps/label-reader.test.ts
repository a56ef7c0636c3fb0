import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import sharp from 'sharp';
import type { ReadResult } from '../../apps/label-reader/app.ts';
import { compilePatterns } from '../../apps/label-reader/verdict.ts';
import {
  demoPictures,
  type LabelPicture,
  renderCrop,
  renderLabelPicture,
  writeModels,
} from '../../apps/make/index.ts';
import { decodeSamples, digestOf, scoreSample, tensorBytes } from '../../core/index.ts';
import { decodePicture, PictureInvalidError } from '../../inference/app/index.ts';
import { type AppBench, openApp, openModel } from '../helpers/app-bench.ts';

interface Context {
  models: string;
  full: AppBench;
}

const test = anyTest as TestFn<Context>;

/** A bench on the models that were written once for all tests here. */
function open(models: string, variant: string, recogniser = 'label-recogniser'): Promise<AppBench> {
  return openApp({
    app: 'label-reader',
    variant,
    models: { detector: join(models, 'label-detector'), recogniser: join(models, recogniser) },
  });
}

test.before('write the models', async (t) => {
  const models = await mkdtemp(join(tmpdir(), 'floormesh-models-'));
  await writeModels(models, { only: ['label-detector', 'label-recogniser', 'label-recogniser-2'] });
  t.context = { models, full: await open(models, 'full') };
});

test.after.always('remove the models', async (t) => {
  await t.context.full?.close();
  await rm(t.context.models, { recursive: true, force: true });
});

const CASES = [
  ['full', 'label-recogniser'],
  ['compact', 'label-recogniser'],
  ['full', 'label-recogniser-2'],
] as const;

for (const [variant, recogniser] of CASES)
  test.serial(`the variant ${variant} reads the labels of pictures with ${recogniser}`, async (t) => {
    const bench = await open(t.context.models, variant, recogniser);
    t.teardown(bench.close);
    let [total, right] = [0, 0];
    for (const { jpeg, labels, defect } of await demoPictures(8, 41)) {
      const result = (await bench.send('picture', jpeg)) as ReadResult;
      const read = result.labels.map(({ text }) => text);
      total += labels.length;
      right += labels.filter((label) => read.includes(label)).length;
      if (defect) t.false(result.ok, `${labels.join(', ')} passed as right`);
    }
    t.true(right / total >= 0.9, `${right} of ${total} labels`);
  });

test.serial('the labels come from top to bottom, each inside of its box', async (t) => {
  const { full } = t.context;
  const { jpeg, labels } = await threeLabels();
  const { picture, labels: read } = (await full.send('picture', jpeg)) as ReadResult;
  t.deepEqual(
    read.map(({ text }) => text),
    labels,
  );
  t.deepEqual(picture, { width: 1280, height: 960 });
  for (const { box, score } of read) {
    t.true(score > 0.8 && score <= 1);
    t.is(box.length, 4);
    t.true(box.every(([x, y]) => x > 0 && x < 1280 && y > 0 && y < 960));
    const [left, right] = [box[0]!, box[1]!];
    t.true(right[0] - left[0] > 100);
  }
});

for (const degrees of [90, 180])
  test.serial(`a picture turned by ${degrees} degrees says the same`, async (t) => {
    const { jpeg, labels } = await threeLabels();
    const turned = await sharp(jpeg).rotate(degrees).jpeg({ quality: 95 }).toBuffer();
    const { labels: read } = (await t.context.full.send('picture', turned)) as ReadResult;
    t.deepEqual(read.map(({ text }) => text).sort(), [...labels].sort());
  });

test.serial('a right picture is published and nothing else happens', async (t) => {
  const { full } = t.context;
  full.acts.length = 0;
  const { jpeg, labels } = await threeLabels();
  t.like(await full.send('picture', jpeg, 'camera-7.jpg'), { ok: true, missing: [] });
  t.deepEqual(
    full.acts.map(({ name }) => name),
    ['publish'],
  );
  t.is(full.acts[0]!.payload.message, labels.join(', '));
  t.like(full.acts[0]!.payload.details, { name: 'camera-7.jpg', ok: true });
  t.notThrows(() => JSON.stringify(full.acts[0]!.payload.details));
});

test.serial('a wrong label raises an alarm with its picture, and a call', async (t) => {
  const { full } = t.context;
  full.acts.length = 0;
  const { jpeg, labels } = await renderLabelPicture(77, { defect: true });
  t.like(await full.send('picture', jpeg), { ok: false });
  t.deepEqual(
    full.acts.map(({ name }) => name),
    ['publish', 'alarm', 'call'],
  );
  const { message, attachment } = full.acts[1]!.payload;
  t.true(
    labels.some((label) => message.includes(`unexpected label "${label}"`)),
    message,
  );
  t.is(attachment?.contentType, 'image/png');
  const crop = await decodePicture(attachment!.data);
  t.true(crop.width > crop.height);
});

test.serial('a picture without a label raises an alarm with the whole picture', async (t) => {
  const { full } = t.context;
  full.acts.length = 0;
  const blank = await sharp({ create: { width: 1000, height: 500, channels: 3, background: '#778' } })
    .jpeg()
    .toBuffer();
  t.like(await full.send('picture', blank), { labels: [], ok: false, missing: ['LOT .*'] });
  const alarm = full.acts.find(({ name }) => name === 'alarm');
  t.is(alarm?.payload.message, 'no label found');
  t.like(await decodePicture(alarm!.payload.attachment!.data), { width: 640, height: 320 });
});

test.serial('what is no picture is an error of the event, and no alarm', async (t) => {
  const { full } = t.context;
  full.acts.length = 0;
  await t.throwsAsync(full.send('picture', new TextEncoder().encode('no picture')), {
    instanceOf: PictureInvalidError,
  });
  t.deepEqual(full.acts, []);
});

test.serial('every card names the inputs and outputs that its model has', async (t) => {
  for (const name of ['label-detector', 'label-recogniser', 'label-recogniser-2']) {
    const { card, session } = await openModel(join(t.context.models, name));
    t.teardown(() => session.close());
    for (const side of ['inputs', 'outputs'] as const) {
      t.deepEqual(
        session[side].map((spec) => [spec.name, spec.type, spec.shape.length]),
        card[side].map((spec) => [spec.name, spec.type, spec.shape.length]),
      );
      // Where the model fixes a dimension, the card states it.
      card[side].forEach(({ shape }, i) =>
        session[side][i]!.shape.forEach((size, at) => {
          if (typeof size === 'number') t.is(shape[at], size, name);
        }),
      );
    }
  }
});

test.serial(
  'version 2 of the recogniser is smaller, and both score well on samples they were not made with',
  async (t) => {
    const sizes: number[] = [];
    for (const name of ['label-recogniser', 'label-recogniser-2']) {
      const folder = join(t.context.models, name);
      const { card, session } = await openModel(folder);
      t.teardown(() => session.close());
      sizes.push((await stat(join(folder, card.weights))).size);
      const calibration = decodeSamples(await readFile(join(folder, card.calibration!))).samples;
      const validation = decodeSamples(await readFile(join(folder, card.validation!))).samples;
      t.deepEqual([calibration.length, validation.length], [24, 32]);
      const seen = new Set(calibration.map(({ inputs }) => digestOf(tensorBytes(inputs.x!))));
      t.false(validation.some(({ inputs }) => seen.has(digestOf(tensorBytes(inputs.x!)))));
      let score = 0;
      for (const sample of validation) {
        const outputs = await session.run(sample.inputs);
        score += scoreSample(card.metric, outputs, sample, outputs);
      }
      t.true(score / validation.length >= 0.9, `${name}: ${score} of ${validation.length}`);
    }
    t.true(sizes[1]! < sizes[0]! * 0.8);
  },
);

test('a picture and a crop are the same for the same seed, and others for another', async (t) => {
  const [one, same, other] = [
    await renderLabelPicture(5),
    await renderLabelPicture(5),
    await renderLabelPicture(6),
  ];
  t.deepEqual(one, same);
  t.notDeepEqual(one.labels, other.labels);
  t.deepEqual(await renderCrop(9), await renderCrop(9));
});

test('demo pictures have a wrong label where they say so, and only there', async (t) => {
  const pictures = await demoPictures(8, 3);
  t.deepEqual(
    pictures.map(({ defect }) => defect),
    [false, false, false, true, false, false, false, true],
  );
  const { settings } = t.context.full.manifest;
  const right = compilePatterns(settings.expected as string[]);
  for (const { labels, defect } of pictures)
    t.is(
      labels.every((label) => right.some((pattern) => pattern.test(label))),
      !defect,
    );
});

/** The first picture with three right labels. */
async function threeLabels(): Promise<LabelPicture> {
  for (let seed = 500; ; seed += 1) {
    const picture = await renderLabelPicture(seed, { defect: false });
    if (picture.labels.length === 3) return picture;
  }
}
