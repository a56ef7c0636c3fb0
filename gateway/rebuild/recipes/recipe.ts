import type { ModelCard, RecipeName, RuntimeHandle, SampleSet } from '../../../core/index.ts';

/** What a recipe works with. */
export interface RecipeContext {
  /** The model as its publisher signed it. */
  source: Uint8Array;
  card: ModelCard;
  /** Typical inputs, where the publisher gave some. */
  calibration: SampleSet | undefined;
  /** The runtime that the result is for. */
  runtime: RuntimeHandle;
  signal: AbortSignal;
  /**
   * Bits of an 8-bit weight that are used. 7 for a CPU whose 8-bit products saturate (AVX2 without VNNI), else 8,
   * which is the default.
   */
  weightBits?: 7 | 8;
}

/** One way to rebuild a model. The same context gives the same bytes. */
export interface Recipe {
  readonly name: RecipeName;
  /**
   * @throws {RecipeNotApplicableError} when there is nothing that it could change in this model
   * @throws {ModelNotOnnxError} @throws {ModelExternalDataError} when the source is not such a model
   * @throws {LiftError} when the model's operator set is too old for it
   */
  build(context: RecipeContext): Promise<Uint8Array>;
}
