import { setImmediate } from 'node:timers/promises';
import { RecipeNotApplicableError } from '../../errors.ts';
import { allNodes, ModelFile, modelBytes, NameBook, opsetOf, writeModelFile } from '../../onnx/index.ts';
import { fixConstants, nameNodes } from '../prepare.ts';
import { keepsFloat } from '../keep-float.ts';
import type { BuiltModel, RecipeContext } from '../recipe.ts';
import { type FoundConstant, findConstants } from './find.ts';
import { replaceConstant, type StoredForm } from './replace.ts';

/** Models up to this are worked on in memory; larger ones are read and written piece by piece. */
const IN_MEMORY_BYTES = 64 * 1024 * 1024;
/** Operator set 7 brought broadcasting as it is. */
const OLDEST_OPSET = 7;

export interface Storing {
  minElements: number;
  /** The form that a constant is to be stored in; undefined leaves it. */
  form: (file: ModelFile, constant: FoundConstant, names: NameBook, number: number) => StoredForm | undefined;
  /** What nothing could be done about, said to people. */
  nothing: string;
}

/**
 * Stores a model's large constants in a smaller form, from which a session makes float32 again when it is made: the
 * same calculations as before, at the same speed. Constants that a node kept in fp32 reads stay.
 *
 * @throws {RecipeNotApplicableError} when no constant changes
 */
export async function storeConstants(
  { source, card, signal }: RecipeContext,
  { minElements, form, nothing }: Storing,
): Promise<BuiltModel> {
  const inMemory = (await source.size()) <= IN_MEMORY_BYTES;
  const file = ModelFile.open(inMemory ? await source.bytes() : source.path);
  const { model } = file;
  if ((opsetOf(model) ?? 0) < OLDEST_OPSET)
    throw new RecipeNotApplicableError(`the model is of an operator set before ${OLDEST_OPSET}`);
  // Names are for `keepFloat` alone, and would only make the file larger.
  const nameless = [...allNodes(model.graph)].filter(({ name }) => name === '');
  nameNodes(model);
  fixConstants(model, new Set(card.inputs.map(({ name }) => name)));
  const names = new NameBook(model.graph);
  const notes = { changed: 0, left: 0 };
  for (const constant of findConstants(model, minElements)) {
    // Lets a cancellation arrive, and memory of the last tensor go.
    await setImmediate();
    signal.throwIfAborted();
    const kept = constant.consumers.some(
      (each) => each === undefined || keepsFloat(card.rebuild.keepFloat, each.node),
    );
    const stored = kept ? undefined : form(file, constant, names, notes.changed);
    if (stored === undefined) notes.left += 1;
    else {
      replaceConstant(constant, stored);
      notes.changed += 1;
    }
  }
  if (notes.changed === 0) throw new RecipeNotApplicableError(nothing);
  for (const node of nameless) node.name = '';
  for (const node of allNodes(model.graph)) node.docString = '';
  return {
    model: inMemory
      ? modelBytes(file)
      : { writeTo: async (path, options) => void (await writeModelFile(file, path, options)) },
    notes: [`${notes.changed} constants stored smaller, ${notes.left} large ones left in fp32`],
  };
}
