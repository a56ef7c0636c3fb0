import type { ModelCard, RecipeName, RecipeOptions, RuntimeHandle, SampleSet } from '../../../core/index.ts';
import type { ModelSource } from './source.ts';

/** What a recipe works with. */
export interface RecipeContext {
  /** The model as its publisher signed it. Whoever asks for a build has seen that it is whole (`checkModel`). */
  source: ModelSource;
  card: ModelCard;
  /** Typical inputs, where the publisher gave some. */
  calibration: SampleSet | undefined;
  /** The runtime that the result is for. */
  runtime: RuntimeHandle;
  options: RecipeOptions;
  signal: AbortSignal;
}

/** A rebuilt model that is written piece by piece, for weights that are not to be in memory all at once. */
export interface StreamedModel {
  /** @throws what reading the source throws; the file is to be thrown away then */
  writeTo(path: string, options: { signal: AbortSignal }): Promise<void>;
}

export interface BuiltModel {
  model: Uint8Array | StreamedModel;
  /** What was done and found out on the way, in sentences for people. The same context gives the same notes. */
  notes: string[];
}

/** One way to rebuild a model. The same context gives the same bytes. */
export interface Recipe {
  readonly name: RecipeName;
  /** The options that it looks at: no others are part of the build's key. */
  readonly uses: readonly (keyof RecipeOptions)[];
  /**
   * @throws {RecipeNotApplicableError} when there is nothing that it could change in this model
   * @throws {ModelNotOnnxError} @throws {ModelExternalDataError} @throws {ModelBrokenError} when the source is not such a
   * model
   * @throws {LiftError} when the model's operator set is too old for it
   */
  build(context: RecipeContext): Promise<BuiltModel>;
}
