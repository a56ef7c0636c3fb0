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
  'An ONNX model keeps weights in other files.',
  'Save the model with its weights inside: one file is what is signed, rebuilt and sent.',
);
export const LiftError = defineError(
  'LiftError',
  'ERR_OPSET_LIFT',
  'A model uses an operator in a form that cannot be brought to operator set 13.',
  'Export the model with operator set 13 or newer, or leave int8-static out of what its card allows.',
);
export const RecipeNotApplicableError = defineError(
  'RecipeNotApplicableError',
  'ERR_RECIPE_NOT_APPLICABLE',
  'A recipe has nothing to change in a model, or lacks what it needs.',
  'The message says what is missing; the other recipes are tried regardless.',
);
