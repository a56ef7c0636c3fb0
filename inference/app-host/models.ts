import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  InvalidCardError,
  InvalidInputError,
  type ModelCard,
  PACKAGE_PATH,
  type PackageConfig,
  parseJson,
  MAX_MANIFEST_BYTES,
  parseModelCard,
  type RuntimeHandle,
  type Session,
  type Tensors,
} from '../../core/index.ts';
import type { AppModel } from '../app/define.ts';
import { decodeGolden, type GoldenCase } from '../golden.ts';
import { compareGolden } from './compare-golden.ts';
import { Turns } from './turns.ts';
import { zeroInputs } from './zero-inputs.ts';

/** The models of a package, open and warm. */
export class Models {
  readonly #models: Map<string, LoadedModel>;

  constructor(models: Map<string, LoadedModel>) {
    this.#models = models;
  }

  /** @throws {InvalidInputError} when the package has no such model */
  get(alias: string): LoadedModel {
    const model = this.#models.get(alias);
    if (model === undefined)
      throw new InvalidInputError(`there is no model ${alias}, only ${[...this.#models.keys()].join(', ')}`);
    return model;
  }

  /** Runs every golden case of every model. @throws {GoldenMismatchError} @throws {InferenceError} */
  async checkGolden(): Promise<void> {
    for (const [alias, model] of this.#models)
      for (const { inputs, outputs } of await model.golden())
        compareGolden(alias, await model.infer(inputs), outputs, model.card.goldenTolerance);
  }
}

/** Opens every model of a package, one after the other, and runs each once so that the first event is not the slow one. */
export async function openModels(
  runtime: RuntimeHandle,
  dir: string,
  config: PackageConfig,
): Promise<Models> {
  const models = new Map<string, LoadedModel>();
  for (const alias of Object.keys(config.models)) {
    const card = await readCard(join(dir, PACKAGE_PATH.card(alias)), alias);
    const weights = await readFile(join(dir, PACKAGE_PATH.weights(alias)));
    const session = await runtime.open(weights, { provider: config.runtime.provider });
    const model = new LoadedModel(alias, card, session, dir);
    await model.warmUp();
    models.set(alias, model);
  }
  return new Models(models);
}

class LoadedModel implements AppModel {
  readonly card: ModelCard;
  readonly #alias: string;
  readonly #session: Session;
  readonly #dir: string;
  readonly #turns = new Turns();

  constructor(alias: string, card: ModelCard, session: Session, dir: string) {
    this.#alias = alias;
    this.card = card;
    this.#session = session;
    this.#dir = dir;
  }

  async file(name: string): Promise<Uint8Array> {
    const path = this.card.files[name];
    if (path === undefined) throw new InvalidInputError(`the model ${this.#alias} has no file ${name}`);
    return readFile(join(this.#dir, PACKAGE_PATH.file(this.#alias, path)));
  }

  /** One run at a time, whatever the app's code does. */
  async infer(inputs: Tensors): Promise<Tensors> {
    const endTurn = await this.#turns.take();
    try {
      return await this.#session.run(inputs);
    } finally {
      endTurn();
    }
  }

  /** The publisher's golden cases; none where the package has none. */
  async golden(): Promise<GoldenCase[]> {
    const path = join(this.#dir, PACKAGE_PATH.golden(this.#alias));
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return bytes === undefined ? [] : decodeGolden(bytes);
  }

  async warmUp(): Promise<void> {
    const [first] = await this.golden();
    const inputs = first?.inputs ?? zeroInputs(this.#session.inputs);
    if (inputs !== undefined) await this.#session.run(inputs);
  }
}

async function readCard(path: string, alias: string): Promise<ModelCard> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new InvalidCardError(`the package has no card of the model ${alias}`, { cause });
  });
  return parseModelCard(parseJson(bytes, MAX_MANIFEST_BYTES));
}
