import { readFile, stat } from 'node:fs/promises';

/** A model's file, as a recipe gets at it: in memory as a whole, or by its path for those that read it in pieces. */
export interface ModelSource {
  /** The ONNX file. External data, where it has any, lies in the same folder. */
  readonly path: string;
  /** Size of the file. */
  size(): Promise<number>;
  /** All of it. Read again with every call: recipes keep views of it. */
  bytes(): Promise<Uint8Array>;
}

export function modelFile(path: string): ModelSource {
  return {
    path,
    size: async () => (await stat(path)).size,
    bytes: () => readFile(path),
  };
}
