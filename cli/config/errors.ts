import { defineError } from '../../core/index.ts';

export const ConfigNotFoundError = defineError(
  'ConfigNotFoundError',
  'ERR_CONFIG_NOT_FOUND',
  'There is no configuration file at that place.',
  'Make one with `floormesh init bridge|gateway|node DIR`, or name it with --config.',
);
export const ConfigInvalidError = defineError(
  'ConfigInvalidError',
  'ERR_CONFIG_INVALID',
  'A configuration file is not valid.',
  'Mend what the message names; `floormesh config check FILE` checks again, docs/configuration.md lists every key.',
);
