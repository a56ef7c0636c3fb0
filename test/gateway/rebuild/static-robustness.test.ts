import test from 'ava';
import * as web from 'onnxruntime-web';
import { float32, type Sample, scoreSample, type Tensors } from '../../../core/index.ts';
import { decodeModel } from '../../../gateway/rebuild/onnx/index.ts';
import { buildStatic, outputsOf } from '../../helpers/build-static.ts';
import { GraphWriter, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { card } from '../../helpers/rebuild-samples.ts';
import { SMALL_MODELS } from '../../helpers/static-models.ts';

const NEAR = 0.995;

for (const [kind, make] of Object.entries(SMALL_MODELS))
  test(`${kind}: 8 bits, and the outputs stay near on both runtimes`, async (t) => {
    const { bytes, shape } = make(new GraphWriter());
    const samples = [1, 2, 3, 4].map((seed): Sample => ({ inputs: { x: noiseTensor(shape, seed) } }));
    const outputs = decodeModel(bytes).graph.output.map(({ name }) => name);
    for (const activations of ['uint8', 'int8'] as const) {
      const { model } = await buildStatic(bytes, card({ maxDrop: 0.02 }), samples, { activations });
      const { graph } = decodeModel(model);
      t.deepEqual(
        graph.output.map(({ name }) => name),
        outputs,
      );
      t.true(
        graph.node.some(({ opType }) => opType === 'DequantizeLinear'),
        'something is quantised',
      );
      const reference = await outputsOf(bytes, samples);
      const native = await outputsOf(model, samples);
      const inWeb = [await runInWeb(model, samples[0]!.inputs)];
      for (const output of outputs)
        for (const [runtime, got] of Object.entries({ native, inWeb }))
          for (const [i, each] of got.entries()) {
            const score = scoreSample({ kind: 'cosine', output }, each, { inputs: {} }, reference[i]!);
            t.true(score > NEAR, `${output} of sample ${i}, ${activations}, ${runtime}: ${score}`);
          }
    }
  });

async function runInWeb(model: Uint8Array, inputs: Tensors): Promise<Tensors> {
  web.env.wasm.numThreads = 1;
  const session = await web.InferenceSession.create(model);
  const feeds = Object.entries(inputs).map(([name, { data, dims }]) => [
    name,
    new web.Tensor('float32', data as Float32Array, dims),
  ]);
  const outputs = await session.run(Object.fromEntries(feeds) as Record<string, web.Tensor>);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, data }]) => [name, float32(data as Float32Array, [...dims])]),
  );
}
