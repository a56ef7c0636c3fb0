import { defineError } from '../core/index.ts';

export const KeyInvalidError = defineError(
  'KeyInvalidError',
  'ERR_KEY_INVALID',
  'A key file is missing, is not a floormesh key, or could be changed by others.',
  'Restore it from your backup; or, where a new identity will do, remove it so that a new key is made.',
);
