import { z } from 'zod';
import { InvalidCardError } from './errors.ts';
import { innerPathSchema, nameSchema, versionSchema } from './names.ts';
import { parseWith } from './parse.ts';

/** What stands beside a runtime's files: how to load it. */
export interface RuntimeManifest {
  /** `onnxruntime-node` or `onnxruntime-web`. */
  name: string;
  version: string;
  description: string;
  licence: string;
  /** The module to import, a path among its files. */
  entry: string;
  /** Execution providers that are worth proving on this platform, best first. */
  providers: string[];
}

const runtimeManifest = z.strictObject({
  name: nameSchema,
  version: versionSchema,
  description: z.string().max(2000).default(''),
  licence: z.string().max(200),
  entry: innerPathSchema,
  providers: z.array(z.string().max(30)).min(1).max(10),
});

/** @throws {InvalidCardError} */
export function parseRuntimeManifest(value: unknown): RuntimeManifest {
  return parseWith(runtimeManifest, value, 'runtime manifest', InvalidCardError);
}
