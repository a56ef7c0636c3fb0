import { realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { ModelExternalDataError } from '../errors.ts';
import type { TensorProto } from './types.ts';

/** TensorProto.DataLocation. */
export const DATA_LOCATION = { inside: 0, external: 1 } as const;

/** Where a tensor's values lie: a file, and the bytes in it. */
export interface ExternalValues {
  path: string;
  offset: number;
  length: number;
}

/** Whether a tensor keeps its values in another file. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === DATA_LOCATION.external || tensor.externalData.length > 0;
}

/** What is said of a model that should have all its values inside. */
export function keepsOutside({ externalData }: TensorProto, where: string): Error {
  const file = externalData.find(({ key }) => key === 'location')?.value ?? '';
  return new ModelExternalDataError(`${where} keeps its values in another file: ${shown(file)}`);
}

/**
 * The place of a tensor's values, which must be in the model's folder.
 *
 * @param length bytes that type and shape ask for
 * @throws {ModelExternalDataError} when the location leads out of the folder or to no file, or the file is too short
 */
export function externalValues(modelPath: string, tensor: TensorProto, length: number): ExternalValues {
  const entry = (key: string): string | undefined =>
    tensor.externalData.find((each) => each.key === key)?.value;
  const location = entry('location') ?? '';
  const refuse = (why: string): never => {
    throw new ModelExternalDataError(
      `tensor ${shown(tensor.name)} has its values in ${shown(location)}: ${why}`,
    );
  };
  const parts = location.split('/');
  if (/[\\\0:]/.test(location) || parts.some((part) => part === '' || part === '..'))
    return refuse('that is no path inside the model’s folder');
  const folder = realpathSync(dirname(modelPath));
  const path = realPath(join(folder, location)) ?? refuse('there is no such file');
  if (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep))
    return refuse('that leads out of the model’s folder');
  const stats = statSync(path);
  if (!stats.isFile()) return refuse('that is no regular file');
  const offset = whole(entry('offset') ?? '0') ?? refuse('its offset is no number of bytes');
  const stated = entry('length');
  if (stated !== undefined && whole(stated) !== length)
    return refuse(`its length is given as ${shown(stated)}, its shape says ${length}`);
  if (offset + length > stats.size) return refuse('the file is shorter than that');
  return { path, offset, length };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function whole(text: string): number | undefined {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Names come from a stranger's file. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
