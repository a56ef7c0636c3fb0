import { RecipeNotApplicableError } from '../errors.ts';
import { decodeModel, encodeModel, liftOpset, type NodeProto } from '../onnx/index.ts';
import { leaveOut, type Way, type Written } from './products/leave-out.ts';
import { quantisable, quantizeDynamically } from './dynamic/rewrite.ts';
import type { QuantizedCache } from './dynamic/weight-book.ts';
import { keepsFloat } from './keep-float.ts';
import { prepare } from './prepare.ts';
import type { BuiltModel, Recipe, RecipeContext } from './recipe.ts';

/**
 * Weights of matrix products, LSTMs and attention as int8, with activations quantised while the model runs: no calibration data
 * needed, and what transformers gain by. Convolutions stay as they are: quantised like this they are several times
 * slower. Tables that rows are gathered from (embeddings) become int8 too, or they would make up most of the file. Where
 * there is calibration data, the products that do too much harm to the results are found with it and stay in fp32. What
 * is left in fp32 is stored as float16 where it makes up much of the file.
 */
export const int8Dynamic: Recipe = { name: 'int8-dynamic', uses: ['weightBits', 'maxDrop'], build };

async function build(context: RecipeContext): Promise<BuiltModel> {
  const { card } = context;
  const { weightBits = 8 } = context.options;
  const model = await prepare(context);
  liftOpset(model);
  const keep = (node: NodeProto): boolean => keepsFloat(card.rebuild.keepFloat, node);
  const nodes = quantisable(model, keep);
  if (nodes.length === 0)
    throw new RecipeNotApplicableError(
      'no MatMul, Gemm, LSTM or Attention with constant float32 weights may be quantised',
    );
  const prepared = encodeModel(model);
  const cache: QuantizedCache = new Map();
  const write = ({ leave, half }: Way): Written => {
    const copy = decodeModel(prepared);
    const saved = quantizeDynamically(copy, {
      bits: weightBits,
      keep,
      leave,
      cache,
      half,
    });
    return { bytes: encodeModel(copy), saved };
  };
  return leaveOut({ prepared, nodes, write, words: { done: '8 bits', left: 'fp32' }, context });
}
