import test from 'ava';
import { RECIPES, type Sample, type Tensors } from '../../../core/index.ts';
import { BuilderBench } from '../../helpers/builder-bench.ts';
import { noiseTensor, transformer } from '../../helpers/onnx-graphs.ts';
import type { BenchModel } from '../../helpers/recipe-bench.ts';
import { ocrModel } from '../../helpers/rebuild-samples.ts';
import { TEXTURE_INPUT, textureModel } from '../../helpers/two-class-model.ts';

interface SampledModel extends BenchModel {
  samples: Sample[];
}

/** With an embedding table and matrix products, where the other has convolutions: a recipe finds work in one or both. */
const CONVOLUTIONS: SampledModel = {
  model: ocrModel('cls'),
  inputs: { x: noiseTensor([1, 3, 48, 192], 1) },
  outputs: { 'softmax_0.tmp_0': noiseTensor([1, 2], 1) },
  samples: [1, 2, 3].map((seed) => ({ inputs: { x: noiseTensor([1, 3, 48, 192], seed) } })),
};
const TRANSFORMER: SampledModel = {
  model: transformer(),
  inputs: words(1),
  outputs: { y: noiseTensor([1, 32, 128], 1) },
  samples: [1, 2, 3].map((seed) => ({ inputs: words(seed) })),
};
/** With matrices that are large enough for 4 bits to be worth it. */
const LARGE: SampledModel = {
  model: textureModel(),
  inputs: { x: noiseTensor(TEXTURE_INPUT, 1) },
  outputs: { y: noiseTensor([1, 768], 1) },
  samples: [1, 2, 3].map((seed) => ({ inputs: { x: noiseTensor(TEXTURE_INPUT, seed) } })),
};

for (const recipe of RECIPES.filter((name) => name !== 'original'))
  test.serial(`${recipe} gives the same bytes in another process`, async (t) => {
    const benches = [await BuilderBench.start(t), await BuilderBench.start(t)];
    let built = 0;
    for (const { samples, ...model } of recipe === 'int4-weights' ? [LARGE] : [CONVOLUTIONS, TRANSFORMER]) {
      const spec = { recipe };
      const [one, other] = await Promise.all(benches.map((bench) => bench.build(model, spec, samples)));
      t.deepEqual(other, one);
      if (one?.build === undefined) t.regex(one?.problem ?? '', /^ERR_RECIPE_NOT_APPLICABLE/);
      else built += 1;
    }
    t.true(built > 0);
  });

test('the same recipe with other options has another build', async (t) => {
  const bench = await BuilderBench.start(t);
  const { samples, ...model } = TRANSFORMER;
  const [eight, seven] = [
    await bench.build(model, { recipe: 'int8-dynamic' }, samples),
    await bench.build(model, { recipe: 'int8-dynamic', options: { weightBits: 7 } }, samples),
  ];
  t.truthy(eight.build);
  t.truthy(seven.build);
  t.not(seven.build?.digest, eight.build?.digest);
});

function words(seed: number): Tensors {
  const data = BigInt64Array.from({ length: 32 }, (_, i) => BigInt((i * 37 + seed) % 1000));
  return { ids: { type: 'int64', dims: [1, 32], data } };
}
