import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import * as web from 'onnxruntime-web';
import { writeModels } from '../../../apps/make/index.ts';
import {
  decodeSamples,
  type ModelCard,
  type Sample,
  scoreSample,
  type Tensors,
} from '../../../core/index.ts';
import { decodeModel } from '../../../gateway/rebuild/onnx/index.ts';
import { buildStatic, outputsOf } from '../../helpers/build-static.ts';
import { GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { card } from '../../helpers/rebuild-samples.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

interface Impulse {
  source: Uint8Array;
  card: ModelCard;
  calibration: Sample[];
  validation: Sample[];
}

/** The sample model, whose card does not say here what must stay in fp32. */
async function impulse(t: Parameters<typeof temporaryFolder>[0]): Promise<Impulse> {
  const dir = await temporaryFolder(t);
  const [written] = await writeModels(dir, { only: ['impulse'] });
  const read = (name: string): Uint8Array => readFileSync(join(written!.path, name));
  return {
    source: read('model.onnx'),
    card: { ...written!.card, maxDrop: 0.005, rebuild: { allow: ['int8-static'], keepFloat: [] } },
    calibration: decodeSamples(read('calibration.cbor')).samples,
    validation: decodeSamples(read('validation.cbor')).samples,
  };
}

function right({ card: { metric }, validation }: Impulse, outputs: readonly Tensors[]): number {
  const scores = outputs.map((each, i) => scoreSample(metric, each, validation[i]!, each));
  return scores.reduce((sum, each) => sum + each, 0) / scores.length;
}

for (const weightBits of [8, 7] as const)
  test(`the front end that does not stand 8 bits is found and left in fp32, weights of ${weightBits} bits`, async (t) => {
    const model = await impulse(t);
    const options = { weightBits, maxDrop: model.card.maxDrop };
    const built = await buildStatic(model.source, model.card, model.calibration, options);
    const before = right(model, await outputsOf(model.source, model.validation));
    t.true(before - right(model, await outputsOf(built.model, model.validation)) <= 0.005);
    t.true(before - right(model, await inWeb(built.model, model.validation)) <= 0.005);
    t.true(built.model.length < model.source.length * 0.45, `${built.model.length}`);
    t.regex(built.notes.join('\n'), /left in fp32, .*\/mel\/MatMul/);
    // The classifier behind it is quantised.
    t.true(
      decodeModel(built.model).graph.initializer.some(
        ({ dims, dataType }) => dataType === 3 && dims.length === 4,
      ),
    );
  });

test('the one bad node of a long chain is found, and nothing else is left', async (t) => {
  const { source, samples } = chainWithOneBadNode();
  const { model, notes } = await buildStatic(source, card({ maxDrop: 0.002 }), samples);
  t.regex(notes.join('\n'), /left in fp32, .*: Conv_/);
  const floats = decodeModel(model).graph.node.filter(
    ({ opType, input }) => opType === 'Conv' && !input[1]!.includes('dq'),
  );
  t.true(floats.length >= 1 && floats.length <= 2, floats.map(({ name }) => name).join());
  const [reference, outputs] = [await outputsOf(source, samples), await outputsOf(model, samples)];
  const scores = outputs.map((each, i) =>
    scoreSample({ kind: 'cosine', output: 'y' }, each, { inputs: {} }, reference[i]!),
  );
  t.true(Math.min(...scores) > 0.996, String(Math.min(...scores)));
});

test('a model that stands 8 bits is quantised as a whole, and the notes compare the ways to set ranges', async (t) => {
  const writer = new GraphWriter();
  let value = 'x';
  for (const seed of [1, 2, 3]) {
    const weights = noise(32 * 32 * 9, seed).map((weight) => weight / 8);
    const convolution = [value, writer.floats(weights, [32, 32, 3, 3])];
    value = writer.node('Relu', [writer.node('Conv', convolution, { pads: [1, 1, 1, 1] })]);
  }
  writer.node('Identity', [value], {}, 'y');
  const source = writer.model(13, { x: [1, 32, 8, 8] }, { y: [1, 32, 8, 8] });
  const samples = Array.from({ length: 14 }, (_, i) => ({ inputs: { x: noiseTensor([1, 32, 8, 8], i) } }));
  const { model, notes } = await buildStatic(source, card({}), samples);
  t.true(model.length < source.length * 0.35);
  t.false(notes.some((note) => note.startsWith('left in fp32')));
  t.true(notes.some((note) => note.includes('compared on 7 others')));
  t.true(notes.some((note) => /percentile-99\.99 .*entropy .*/.test(note)));
});

/** Ten convolutions; the input of the sixth has values that span six orders of magnitude, all of which count. */
function chainWithOneBadNode(): { source: Uint8Array; samples: Sample[] } {
  const writer = new GraphWriter();
  const pads = { pads: [1, 1, 1, 1] };
  const layer = (input: string, seed: number): string => {
    const weights = noise(8 * 8 * 9, seed).map((weight) => weight / 4);
    return writer.node('Conv', [input, writer.floats(weights, [8, 8, 3, 3])], pads);
  };
  let value = 'x';
  for (const seed of [1, 2, 3, 4]) value = writer.node('Relu', [layer(value, seed)]);
  value = writer.node('Mul', [layer(value, 5), writer.floats([0.3], [])]);
  const spread = writer.node('Exp', [
    writer.node('Mul', [writer.node('Tanh', [value]), writer.floats([14], [])]),
  ]);
  const same = Float32Array.from({ length: 576 }, (_, i) => (i % 81 === 4 ? 1 : 0));
  const bad = writer.node('Conv', [spread, writer.floats(same, [8, 8, 3, 3])], pads);
  value = writer.node('Log', [writer.node('Max', [bad, writer.floats([1e-6], [])])]);
  for (const seed of [7, 8, 9, 10]) value = writer.node('Relu', [layer(value, seed)]);
  writer.node('Identity', [value], {}, 'y');
  const source = writer.model(13, { x: [1, 8, 12, 12] }, { y: [1, 8, 12, 12] });
  const samples = Array.from({ length: 16 }, (_, i): Sample => ({
    inputs: { x: noiseTensor([1, 8, 12, 12], i) },
  }));
  return { source, samples };
}

async function inWeb(model: Uint8Array, samples: readonly Sample[]): Promise<Tensors[]> {
  web.env.wasm.numThreads = 1;
  const session = await web.InferenceSession.create(model);
  const outputs: Tensors[] = [];
  for (const { inputs } of samples) {
    const { data, dims } = inputs.waveform!;
    const { prob } = await session.run({ waveform: new web.Tensor('float32', data as Float32Array, dims) });
    outputs.push({ prob: { type: 'float32', dims: [...prob!.dims], data: prob!.data as Float32Array } });
  }
  await session.release();
  return outputs;
}
