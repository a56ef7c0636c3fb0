import { RecipeNotApplicableError } from '../errors.ts';
import { decodeModel, encodeModel, liftOpset, type ModelProto, type NodeProto } from '../onnx/index.ts';
import { type Storage, storeSmaller } from './compact.ts';
import { foldAffine } from './fold.ts';
import { keepsFloat } from './keep-float.ts';
import { prepare } from './prepare.ts';
import type { BuiltModel, Recipe, RecipeContext } from './recipe.ts';
import { Judge } from './static/agreement.ts';
import { Base } from './static/base.ts';
import { effortFor } from './static/effort.ts';
import { describe } from './static/notes.ts';
import { search } from './static/search.ts';
import { type Trial, Trials } from './static/trials.ts';
import { valueTypes } from './value-types.ts';

/**
 * Weights and activations in 8 bits, with ranges measured beforehand on calibration data. Convolutions gain most. What
 * the card's `keepFloat` names stays in fp32, and whatever part of the model is found not to stand 8 bits. What stays
 * in fp32 is stored as float16 where the result allows it.
 */
export const int8Static: Recipe = {
  name: 'int8-static',
  uses: ['weightBits', 'activations', 'maxDrop'],
  build,
};

async function build(context: RecipeContext): Promise<BuiltModel> {
  const { card, calibration, runtime, signal } = context;
  const { weightBits = 8, activations = 'uint8', maxDrop = card.maxDrop } = context.options;
  const samples = calibration?.samples ?? [];
  const [first] = samples;
  if (first === undefined) throw new RecipeNotApplicableError('the model has no calibration data');
  const keep = (node: NodeProto): boolean => keepsFloat(card.rebuild.keepFloat, node);
  const model = await prepare(context);
  await lift(model, context);
  foldAffine(model, keep);
  const base = await Base.of(model, { keep, runtime, weightBits, activations, sample: first, signal });
  const effort = effortFor(base.macs, samples);
  await base.observe(effort.observed);
  const judge = await Judge.of(encodeModel(model), {
    metric: card.metric,
    samples: effort.judged,
    runtime,
    signal,
  });
  const equal = await base.equalised(effort.observed);
  const trials = new Trials({
    write: (choice) => (choice.equalised && equal !== undefined ? equal : base).write(choice),
    judge,
    maxDrop,
    evaluations: effort.evaluations,
    signal,
  });
  const { nodes, weighted } = base;
  const found = await search({ trials, nodes, weighted, canEqualise: equal !== undefined });
  const stored = await compacted(trials, found.best, keep);
  return { model: stored.trial.bytes, notes: describe({ ...found, base, stored, effort, maxDrop }) };
}

/** Ways to store what is left in fp32, the largest first. */
const STORAGES: readonly Storage[] = ['half', 'bytes'];

/**
 * Stores what is left in fp32 in fewer bytes, as long as that costs no more than it may. Constants of nodes that the card
 * keeps in fp32 stay as they are.
 */
async function compacted(
  trials: Trials,
  best: Trial,
  keep: (node: NodeProto) => boolean,
): Promise<{ trial: Trial; storage: Storage | undefined }> {
  let stored: { trial: Trial; storage: Storage | undefined } = { trial: best, storage: undefined };
  for (const storage of STORAGES) {
    const model = decodeModel(best.bytes);
    const exact = new Set(model.graph.node.filter((node) => keep(node)).flatMap(({ input }) => input));
    if (storeSmaller(model.graph, storage, undefined, exact) === 0) break;
    const trial = await trials.judgeBytes(best.choice, encodeModel(model));
    const { drop, strained } = trial.agreement;
    const harmless = drop <= best.agreement.drop && strained <= best.agreement.strained;
    if (trial.bytes.length < stored.trial.bytes.length && (harmless || (best.good && trial.good)))
      stored = { trial, storage };
  }
  return stored;
}

async function lift(model: ModelProto, { runtime }: RecipeContext): Promise<void> {
  const types = await valueTypes(model, runtime);
  liftOpset(model, (name) => {
    const rank = types.get(name)?.shape.length;
    return rank === 0 ? undefined : rank;
  });
}
