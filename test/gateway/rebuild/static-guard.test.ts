import test from 'ava';
import type { Sample } from '../../../core/index.ts';
import { decodeModel } from '../../../gateway/rebuild/onnx/index.ts';
import { buildStatic } from '../../helpers/build-static.ts';
import { GraphWriter, noise, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { localRuntime } from '../../helpers/onnxruntime.ts';
import { card } from '../../helpers/rebuild-samples.ts';

const SHAPE = [1, 8, 12, 12];

/** Three convolutions in a row, each with a limiter. */
function threeConvolutions(): Uint8Array {
  const writer = new GraphWriter();
  const layer = (input: string, seed: number): string => {
    const weight = writer.floats(
      noise(16 * 8 * 9 * (seed === 1 ? 1 : 2), seed).map((value) => value * 0.3),
      [16, seed === 1 ? 8 : 16, 3, 3],
    );
    const bias = writer.floats(noise(16, seed + 10), [16]);
    const made = writer.node('Conv', [input, weight, bias], { pads: [1, 1, 1, 1] });
    return writer.node('Relu', [made], {}, seed === 3 ? 'y' : undefined);
  };
  layer(layer(layer('x', 1), 2), 3);
  return writer.model(13, { x: SHAPE }, { y: [1, 16, 12, 12] });
}

test('what stays in fp32 between two 8-bit convolutions is not quantised by the runtime either', async (t) => {
  const bytes = threeConvolutions();
  const middle = decodeModel(bytes).graph.node.filter(({ opType }) => opType === 'Conv')[1]?.name ?? '';
  const samples = [1, 2, 3, 4].map((seed): Sample => ({ inputs: { x: noiseTensor(SHAPE, seed) } }));
  const kept = card({ rebuild: { keepFloat: [middle] } });
  const { model } = await buildStatic(bytes, kept, samples);
  const optimized = decodeModel(await localRuntime.optimize!(model, 'extended'));
  const count = (opType: string): number =>
    optimized.graph.node.filter((node) => node.opType === opType).length;
  t.is(count('QLinearConv'), 2);
  t.is(count('Conv') + count('FusedConv'), 1);
  t.is(count('LeakyRelu'), 0, 'the guard costs no time');
});
