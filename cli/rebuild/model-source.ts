import { copyFile, link, mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Logger, MAX_MANIFEST_BYTES } from '../../core/index.ts';
import { inlineModelFile, inspectModel } from '../../gateway/rebuild/index.ts';
import { readFileBounded } from '../../store/index.ts';
import { type CardDraft, draftCard, type KnownData } from './draft-card.ts';
import { ModelFolderError } from './errors.ts';

/** The name that a card has in a model's folder. */
export const CARD_FILE = 'model.yaml';
/** Sample sets have these names where nobody says otherwise. */
const USUAL_DATA = { calibration: 'calibration.cbor', validation: 'validation.cbor' } as const;

/** What is said of an ONNX file that comes without a card. */
export interface BareModel {
  /** Files of sample sets. Default: `calibration.cbor` and `validation.cbor` beside the model, where they are. */
  calibration?: string | undefined;
  validation?: string | undefined;
  /** A metric that needs to be told nothing else: `KIND`, or `KIND:OUTPUT`. Default: guessed from the graph. */
  metric?: string | undefined;
}

interface Surroundings {
  log: Logger;
  signal: AbortSignal;
}

/**
 * The card that a graph suggests.
 *
 * @throws {ModelFolderError} when there is no such file @throws {ModelNotOnnxError} @throws {ModelExternalDataError}
 * @throws {InvalidCardError}
 */
export async function draftFor(file: string, { log, signal }: Surroundings): Promise<CardDraft> {
  const path = resolve(file);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new ModelFolderError(`there is no file ${file}`);
  const facts = await inspectModel(path, { log, signal });
  return draftCard(facts, { path, bytes: found.size }, await dataBeside(path));
}

/**
 * A folder that can be packed: the one that is named; that of the ONNX file that is named, where its card names this
 * file; or one made in `scratch` around a bare ONNX file, whose card is then a draft.
 *
 * @throws {ModelFolderError} when it is neither a model's folder nor a file; else as `draftFor`
 */
export async function modelFolder(
  model: string,
  bare: BareModel,
  scratch: string,
  around: Surroundings,
): Promise<string> {
  const found = await stat(model).catch(() => undefined);
  if (found === undefined) throw new ModelFolderError(`there is no ${model}`);
  const folder = found.isDirectory() ? model : dirname(model);
  const hasCard = found.isDirectory()
    ? await isFile(join(model, CARD_FILE))
    : (await weightsNamedIn(folder)) === basename(model);
  if (hasCard) {
    if (Object.values(bare).some((value) => value !== undefined))
      throw new ModelFolderError(`${join(folder, CARD_FILE)} names data and metric already`);
    return folder;
  }
  if (found.isDirectory()) throw new ModelFolderError(`${model} has no ${CARD_FILE}`);
  return aroundFile(model, bare, join(scratch, 'model'), around);
}

async function aroundFile(
  model: string,
  bare: BareModel,
  folder: string,
  around: Surroundings,
): Promise<string> {
  const { card: draft, facts } = await draftFor(model, around);
  await mkdir(folder, { recursive: true });
  const card: Record<string, unknown> = { ...draft, weights: 'model.onnx' };
  const weights = join(folder, 'model.onnx');
  if (facts.external) await inlineModelFile(resolve(model), weights, { signal: around.signal });
  else await place(model, weights);
  if (bare.metric !== undefined) {
    const [kind, ...output] = bare.metric.split(':');
    card.metric = { kind, output: output.length === 0 ? draft.metric.output : output.join(':') };
  }
  for (const field of ['calibration', 'validation'] as const) {
    const file = bare[field] ?? (draft[field] === undefined ? undefined : join(dirname(model), draft[field]));
    if (file === undefined) continue;
    if (!(await isFile(file))) throw new ModelFolderError(`there is no file ${file}`);
    card[field] = USUAL_DATA[field];
    await place(file, join(folder, USUAL_DATA[field]));
  }
  await writeFile(join(folder, CARD_FILE), stringify(card));
  return folder;
}

/** The weights that the card of a folder names; undefined without a card that can be read. */
async function weightsNamedIn(folder: string): Promise<string | undefined> {
  const bytes = await readFileBounded(join(folder, CARD_FILE), MAX_MANIFEST_BYTES);
  if (bytes === undefined) return undefined;
  try {
    const card: unknown = parse(new TextDecoder().decode(bytes), { maxAliasCount: 0 });
    const weights =
      typeof card === 'object' && card !== null && 'weights' in card ? card.weights : 'model.onnx';
    return typeof weights === 'string' ? weights : undefined;
  } catch {
    return undefined;
  }
}

async function dataBeside(path: string): Promise<KnownData> {
  const known: KnownData = {};
  for (const field of ['calibration', 'validation'] as const)
    if (await isFile(join(dirname(path), USUAL_DATA[field]))) known[field] = USUAL_DATA[field];
  return known;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

/** A link costs no bytes; another file system takes a copy. */
async function place(from: string, to: string): Promise<void> {
  await link(resolve(from), to).catch(() => copyFile(from, to));
}
