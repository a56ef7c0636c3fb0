import { RecipeNotApplicableError } from '../errors.ts';
import {
  decodeModel,
  dropUnused,
  encodeModel,
  GraphView,
  liftOpset,
  type ModelProto,
  type NodeProto,
} from '../onnx/index.ts';
import { foldAffine } from './fold.ts';
import { keepsFloat } from './keep-float.ts';
import { prepare } from './prepare.ts';
import type { BuiltModel, Recipe, RecipeContext } from './recipe.ts';
import { Judge } from './static/agreement.ts';
import { emitQuantized } from './static/emit.ts';
import { observe } from './static/observe.ts';
import { type Choice, search } from './static/search.ts';
import { dataInputs, select, type Selection } from './static/select.ts';
import { quantizeTables } from './tables.ts';
import { valueTypes } from './value-types.ts';

/**
 * Weights and activations in 8 bits, with ranges measured beforehand on calibration data. Convolutions gain most. What
 * the card's `keepFloat` names stays in fp32, and whatever part of the model is found not to stand 8 bits.
 */
export const int8Static: Recipe = {
  name: 'int8-static',
  uses: ['weightBits', 'maxDrop'],
  build,
};

async function build(context: RecipeContext): Promise<BuiltModel> {
  const { card, calibration, runtime, signal } = context;
  const { weightBits = 8, maxDrop = card.maxDrop } = context.options;
  if (calibration === undefined || calibration.samples.length === 0)
    throw new RecipeNotApplicableError('the model has no calibration data');
  const keep = (node: NodeProto): boolean => keepsFloat(card.rebuild.keepFloat, node);
  const model = await prepare(context);
  await lift(model, context);
  foldAffine(model, keep);
  const types = await valueTypes(model, runtime);
  const selection = select(model, types, keep);
  if (selection.weighted.size === 0)
    throw new RecipeNotApplicableError(
      'no Conv, MatMul or Gemm with constant float32 weights may be quantised',
    );
  const histograms = await observe(model, observedValues(model, selection), calibration, runtime, signal);
  const prepared = encodeModel(model);
  const write = ({ limits, leave }: Choice): Uint8Array => {
    const copy = decodeModel(prepared);
    const keepToo = (node: NodeProto): boolean => keep(node) || leave.has(node.name);
    const chosen = select(copy, types, keepToo);
    emitQuantized({ model: copy, selection: chosen, histograms, limits, weightBits });
    quantizeTables(copy, keep);
    dropUnused(copy.graph);
    return encodeModel(copy);
  };
  const nodes = [...selection.weighted].map(({ name }) => name);
  const judge = await Judge.of(prepared, context);
  return { model: await search({ nodes, write, judge, floor: 1 - maxDrop, signal }), notes: [] };
}

async function lift(model: ModelProto, { runtime }: RecipeContext): Promise<void> {
  const types = await valueTypes(model, runtime);
  liftOpset(model, (name) => {
    const rank = types.get(name)?.shape.length;
    return rank === 0 ? undefined : rank;
  });
}

/** Every activation that may have to be written in 8 bits. */
function observedValues(model: ModelProto, { weighted, carried }: Selection): Set<string> {
  const view = new GraphView(model.graph);
  const names = new Set<string>();
  for (const node of weighted) names.add(node.input[0] ?? '');
  for (const node of weighted) if (node.opType === 'Conv') names.add(node.output[0] ?? '');
  for (const node of carried) for (const name of [...dataInputs(view, node), ...node.output]) names.add(name);
  names.delete('');
  return names;
}
