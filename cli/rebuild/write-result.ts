import { chmod, copyFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { chosenOf } from '../../core/index.ts';
import { writeFileAtomic } from '../../store/index.ts';
import { FileExistsError } from './errors.ts';
import type { LocalRebuild } from './local-rebuild.ts';

/** What a rebuild leaves in a folder, by role. */
export interface WrittenRebuild {
  model: string;
  card: string;
  report: string;
  golden?: string;
}

const FILE_MODE = 0o644;
const NAMES = {
  onnx: 'model.onnx',
  ort: 'model.ort',
  card: 'card.json',
  golden: 'golden.cbor',
  report: 'report.json',
};

/** Looks before the work is done whether its result could be written. @throws {FileExistsError} */
export async function checkFree(paths: readonly string[]): Promise<void> {
  for (const path of paths)
    if ((await stat(path).catch(() => undefined)) !== undefined)
      throw new FileExistsError(`${path} is there already`);
}

/** The files that a rebuild may leave in a folder. */
export function resultFiles(dir: string): string[] {
  return Object.values(NAMES).map((name) => join(dir, name));
}

/**
 * Writes the chosen build with its card, golden vectors and report. All of it is written beside the folder first and
 * moved there in the end, so that an end half-way leaves nothing.
 *
 * @param dir is made where it is not there; files of the same names in it are replaced
 */
export async function writeResult(dir: string, rebuild: LocalRebuild): Promise<WrittenRebuild> {
  const { report } = rebuild;
  const target = resolve(dir);
  await mkdir(dirname(target), { recursive: true });
  const staging = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    const model = chosenOf(report).recipe === 'ort-format' ? NAMES.ort : NAMES.onnx;
    await copyOut(rebuild.build, join(staging, model));
    await copyOut(rebuild.cardFile, join(staging, NAMES.card));
    if (rebuild.golden !== undefined) await copyOut(rebuild.golden, join(staging, NAMES.golden));
    await writeFile(join(staging, NAMES.report), `${JSON.stringify(report, undefined, 2)}\n`);
    await mkdir(target, { recursive: true });
    for (const name of Object.values(NAMES)) {
      // What is left of an earlier result does not belong to this one.
      await rm(join(target, name), { force: true });
      await rename(join(staging, name), join(target, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    return {
      model: join(dir, model),
      card: join(dir, NAMES.card),
      report: join(dir, NAMES.report),
      ...(rebuild.golden === undefined ? {} : { golden: join(dir, NAMES.golden) }),
    };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** A store's blobs are read-only, and copies of them would be. */
async function copyOut(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await chmod(to, FILE_MODE);
}

/** Writes one file whole or not at all, and its folder where it is not there. */
export async function writeBytes(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFileAtomic(resolve(path), bytes);
}
