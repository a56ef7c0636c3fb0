import { ModelFile } from './file.ts';
import { writeModelFile } from './write-file.ts';

/**
 * Writes a model that keeps weights in other files of its folder as one file, tensor by tensor.
 *
 * @returns false, and nothing is written, when all its weights are inside
 * @throws {ModelNotOnnxError} @throws {ModelBrokenError} @throws {ModelExternalDataError} when those files are not there,
 * too short, or outside the folder
 * @throws {ModelTooLargeError} when it would pass what ONNX allows for one file
 */
export async function inlineModelFile(
  path: string,
  out: string,
  options: { signal?: AbortSignal } = {},
): Promise<boolean> {
  const file = ModelFile.open(path, { external: true });
  if (!file.hadExternal) return false;
  await writeModelFile(file, out, options);
  return true;
}
