import { defineError } from '../../core/index.ts';

export const ClassUnfitError = defineError(
  'ClassUnfitError',
  'ERR_CLASS_UNFIT',
  'A model can not be rebuilt for this hardware class on this machine.',
  'The message says what is missing: a runtime for the class, or a machine that is of the class.',
);
export const ModelFolderError = defineError(
  'ModelFolderError',
  'ERR_MODEL_FOLDER',
  'This is neither a model’s folder nor an ONNX file.',
  'Name a folder with a model.yaml, or an ONNX file; floormesh model card drafts the model.yaml.',
);
export const FileExistsError = defineError(
  'FileExistsError',
  'ERR_FILE_EXISTS',
  'A file that would be written is there already.',
  'Give another place, or --force to replace it.',
);
