import { defineError } from '../../core/index.ts';

export const ModelNotOnnxError = defineError(
  'ModelNotOnnxError',
  'ERR_MODEL_NOT_ONNX',
  'A file is not an ONNX model that floormesh can read.',
  'Export the model as one ONNX file of IR version 13 or older, and check that it was copied in full.',
);
export const ModelExternalDataError = defineError(
  'ModelExternalDataError',
  'ERR_MODEL_EXTERNAL_DATA',
  'An ONNX model keeps weights in other files, or not where it says.',
  'Keep those files beside the model when it is added to the catalog, which packs them into it: one file is what is signed, rebuilt and sent.',
);
export const ModelBrokenError = defineError(
  'ModelBrokenError',
  'ERR_MODEL_BROKEN',
  'An ONNX model contradicts itself.',
  'The message names the place. Export the model anew, and check it with the tools of its framework.',
);
export const ModelTooLargeError = defineError(
  'ModelTooLargeError',
  'ERR_MODEL_TOO_LARGE',
  'An ONNX model is too large for one file.',
  'ONNX allows 2 GiB in one file. Export the weights as float16, or quantise them before the model is added.',
);
export const LiftError = defineError(
  'LiftError',
  'ERR_OPSET_LIFT',
  'A model uses an operator in a form that cannot be brought to the operator set that a recipe needs.',
  'Export the model with operator set 13 or newer (21 for quantisation in blocks); recipes that need less are tried regardless.',
);
export const RecipeNotApplicableError = defineError(
  'RecipeNotApplicableError',
  'ERR_RECIPE_NOT_APPLICABLE',
  'A recipe has nothing to change in a model, or lacks what it needs.',
  'The message says what is missing; the other recipes are tried regardless.',
);
