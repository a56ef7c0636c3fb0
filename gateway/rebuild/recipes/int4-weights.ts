import { RecipeNotApplicableError } from '../errors.ts';
import { decodeModel, encodeModel, type NodeProto } from '../onnx/index.ts';
import type { BlockCache } from './blockwise/block-book.ts';
import { blockwiseNodes, quantizeBlockwise } from './blockwise/rewrite.ts';
import { keepsFloat } from './keep-float.ts';
import { prepare } from './prepare.ts';
import { leaveOut, type Way, type Written } from './products/leave-out.ts';
import type { BuiltModel, Recipe, RecipeContext } from './recipe.ts';

/** With fewer bytes of weights than this, 8 bits are small enough and much nearer to the original. */
const LEAST_BYTES = 4 * 2 ** 20;

/**
 * Weights of large matrix products, and large tables, as 4 bits in blocks with a scale each: a sixth of the size. What
 * generates word by word is several times faster by it, since it waits for its weights; what computes many rows at once
 * hardly gains time. Where there is calibration data, the weights that lose too much have 8 bits.
 */
export const int4Weights: Recipe = { name: 'int4-weights', uses: ['maxDrop'], build };

async function build(context: RecipeContext): Promise<BuiltModel> {
  const { card } = context;
  const model = await prepare(context);
  const keep = (node: NodeProto): boolean => keepsFloat(card.rebuild.keepFloat, node);
  const nodes = blockwiseNodes(model, keep);
  const bytes = nodes.reduce((sum, node) => sum + node.bytes, 0);
  if (bytes < LEAST_BYTES)
    throw new RecipeNotApplicableError(
      `large matrices and tables hold ${mebibytes(bytes)} MiB; from ${mebibytes(LEAST_BYTES)} MiB on, 4 bits are worth it`,
    );
  const prepared = encodeModel(model);
  const cache: BlockCache = new Map();
  const write = ({ leave, half }: Way): Written => {
    const copy = decodeModel(prepared);
    const saved = quantizeBlockwise(copy, { keep, finer: leave, cache, half });
    return { bytes: encodeModel(copy), saved };
  };
  const names = nodes.map(({ name }) => name);
  return leaveOut({ prepared, nodes: names, write, words: { done: '4 bits', left: '8 bits' }, context });
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
