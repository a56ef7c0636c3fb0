import { existsSync } from 'node:fs';
import { join } from 'node:path';

const BESIDE = join(import.meta.dirname, 'data');

/** Folder of the weights and sounds that come with floormesh; emitted JavaScript lies in `dist/`, they do not. */
export const DATA_FOLDER: string = existsSync(BESIDE)
  ? BESIDE
  : join(import.meta.dirname, '../../../apps/make/data');
