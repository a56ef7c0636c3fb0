import { defineError } from '../core/index.ts';

export const PackFailedError = defineError(
  'PackFailedError',
  'ERR_PACK_FAILED',
  'A folder can not be packed.',
  'The message names the file: it must lie in the folder, be a regular file, and have a plain name.',
);
export const ModelUnreadableError = defineError(
  'ModelUnreadableError',
  'ERR_MODEL_UNREADABLE',
  'The weights of a model are not a whole ONNX file.',
  'Export the model as one ONNX file; weights in files beside it are taken in by floormesh catalog add.',
);
export const RuntimePackageError = defineError(
  'RuntimePackageError',
  'ERR_RUNTIME_PACKAGE',
  'A runtime can not be packed from the npm package that is installed.',
  'Install the package in the version that you want to offer; it must have files for the platform.',
);
export const VersionExistsError = defineError(
  'VersionExistsError',
  'ERR_VERSION_EXISTS',
  'The catalog has this version already, with other content.',
  'A version never changes: publish the new content under a new version.',
);
export const ReleaseIncompleteError = defineError(
  'ReleaseIncompleteError',
  'ERR_RELEASE_INCOMPLETE',
  'A release names content that the catalog does not have.',
  'Publish again: what is missing is sent then, and what is there is not sent twice.',
);
export const ReleaseInvalidError = defineError(
  'ReleaseInvalidError',
  'ERR_RELEASE_INVALID',
  'What a release names is not an app, runtime or model of that name and version.',
  'Pack it again with this version of floormesh, and sign what that gives.',
);
export const EntryNotFoundError = defineError(
  'EntryNotFoundError',
  'ERR_ENTRY_NOT_FOUND',
  'The catalog has no such app, runtime or model.',
  'List what it has with: floormesh catalog ls',
);
export const CatalogFullError = defineError(
  'CatalogFullError',
  'ERR_CATALOG_FULL',
  'The catalog has as many entries as one catalog may have.',
  'Remove versions that no site runs any more.',
);
