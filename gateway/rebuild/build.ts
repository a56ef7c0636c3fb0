import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  buildKeyOf,
  type Candidate,
  type CandidateSpec,
  type Digest,
  errorRecord,
  isDigest,
  type Logger,
  parseWith,
  type RecipeOptions,
} from '../../core/index.ts';
import { siblingModule, spawnChild } from '../../inference/index.ts';
import type { BlobStore, State, Table } from '../../store/index.ts';
import { BUILD_MEMORY_MIB, BUILD_TIMEOUT_MS } from '../constants.ts';
import { fileLayer, type ModelArtifact } from '../pull/index.ts';
import type { OwnRuntime } from './own-runtimes.ts';
import { RECIPE_TABLE } from './recipes/index.ts';
import { SharedWork, type Turns } from './shared-work.ts';
import {
  type BuildTask,
  type GoldenAnswer,
  type GoldenTask,
  type InstalledRuntime,
  parseBuildAnswer,
  parseGoldenAnswer,
} from './worker-protocol.ts';

/** What one build came to. A problem that would come again is kept like a result. */
type BuildRecord = { build: { digest: Digest; size: number }; notes: string[] } | { problem: string };

/** Failures that the same input always has. Everything else (a crash, a lack of memory) is tried again. */
const LASTING = [
  'ERR_RECIPE_NOT_APPLICABLE',
  'ERR_MODEL_NOT_ONNX',
  'ERR_MODEL_EXTERNAL_DATA',
  'ERR_MODEL_BROKEN',
  'ERR_OPSET_LIFT',
];

export interface BuilderInit {
  /** Folder for what the workers write. */
  dir: string;
  execPath: string | undefined;
  timeoutMs: number | undefined;
  memoryMiB: number | undefined;
}

interface BuildOnce {
  key: Digest;
  model: ModelArtifact;
  spec: CandidateSpec;
  options: RecipeOptions;
  own: OwnRuntime;
}

/**
 * Builds models in processes of their own, one for each build: a model that crashes its process costs that build and
 * nothing else. The daemon hashes what came out. Results are kept by build key.
 */
export class Builder {
  readonly #init: BuilderInit;
  readonly #blobs: BlobStore;
  readonly #records: Table<BuildRecord>;
  readonly #turns: Turns;
  readonly #log: Logger;
  readonly #work = new SharedWork<BuildRecord>();

  constructor(init: BuilderInit, components: { blobs: BlobStore; state: State; turns: Turns; log: Logger }) {
    this.#init = init;
    this.#blobs = components.blobs;
    this.#records = components.state.table('builds', parseBuildRecord);
    this.#turns = components.turns;
    this.#log = components.log;
  }

  /**
   * One candidate, from the store where it was built before, and built once where several classes ask for it at a
   * time. Throws only for an abort; else the candidate says why.
   */
  async build(
    model: ModelArtifact,
    spec: CandidateSpec,
    own: OwnRuntime,
    signal: AbortSignal,
  ): Promise<Candidate> {
    const { digest, size } = model.weights;
    if (spec.recipe === 'original') return { ...spec, build: { digest, size } };
    const options = usedOptions(spec);
    const { name, version } = own.artifact.runtime;
    const key = buildKeyOf({
      source: digest,
      card: model.cardLayer.digest,
      recipe: spec.recipe,
      options,
      runtime: `${name}@${version}`,
    });
    const found = await this.#work.run(key, signal, (workSignal) =>
      this.#buildOnce({ key, model, spec, options, own }, workSignal),
    );
    return { ...spec, ...found };
  }

  async #buildOnce({ key, model, spec, options, own }: BuildOnce, signal: AbortSignal): Promise<BuildRecord> {
    const { recipe } = spec;
    const { digest } = model.weights;
    const known = await this.#records.get(key);
    if (known !== undefined && 'problem' in known) return known;
    if (known !== undefined && (await this.#blobs.has(known.build.digest))) return known;
    try {
      const record = await this.#turns.run(signal, () =>
        this.#inChild(`build ${recipe}`, signal, async (request, folder) => {
          const out = join(folder, 'model.onnx');
          const task: BuildTask = {
            recipe,
            source: await this.#blobs.path(digest),
            card: model.card,
            runtime: installed(own),
            options,
            out,
            ...(model.card.calibration === undefined
              ? {}
              : {
                  calibration: await this.#blobs.path(fileLayer(model, model.card.calibration).digest),
                }),
          };
          const { notes } = parseBuildAnswer(await request('build', task));
          return { build: await this.#blobs.putFile(out), notes };
        }),
      );
      await this.#records.put(key, record, { sync: true });
      return record;
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = errorRecord(error);
      const problem = `${code}: ${message}`.slice(0, 2000);
      if (LASTING.includes(code)) await this.#records.put(key, { problem });
      this.#log.info({ model: model.card.name, recipe, code, message }, 'a candidate could not be built');
      return { problem };
    }
  }

  /** The golden vectors of a build. @throws what the worker throws */
  async golden(
    task: Omit<GoldenTask, 'out' | 'runtime' | 'provider'>,
    own: OwnRuntime,
    signal: AbortSignal,
  ): Promise<GoldenAnswer & { file: { digest: Digest; size: number } }> {
    return this.#turns.run(signal, () =>
      this.#inChild('golden vectors', signal, async (request, folder) => {
        const out = join(folder, 'golden.cbor');
        const whole: GoldenTask = { ...task, out, runtime: installed(own), provider: own.provider };
        const answer = parseGoldenAnswer(await request('golden', whole));
        return { ...answer, file: await this.#blobs.putFile(out) };
      }),
    );
  }

  async #inChild<T>(
    name: string,
    signal: AbortSignal,
    work: (request: (method: string, task: object) => Promise<unknown>, folder: string) => Promise<T>,
  ): Promise<T> {
    await mkdir(this.#init.dir, { recursive: true });
    const folder = await mkdtemp(join(this.#init.dir, 'work-'));
    const { execPath, timeoutMs = BUILD_TIMEOUT_MS, memoryMiB = BUILD_MEMORY_MIB } = this.#init;
    const child = spawnChild({
      entry: siblingModule(import.meta.url, './worker'),
      cwd: folder,
      name,
      memoryMiB,
      log: this.#log,
      signal,
      ...(execPath === undefined ? {} : { execPath }),
    });
    try {
      return await work((method, task) => child.request(method, task, { signal, timeoutMs }), folder);
    } finally {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Those that the recipe looks at: two candidates that differ in others share a build. */
function usedOptions({ recipe, options }: CandidateSpec): RecipeOptions {
  const used = RECIPE_TABLE[recipe].uses.filter((option) => options[option] !== undefined);
  return Object.fromEntries(used.map((option) => [option, options[option]]));
}

function installed({ dir, artifact }: OwnRuntime): InstalledRuntime {
  const { name, version, entry } = artifact.runtime;
  return { dir, manifest: { name, version, entry } };
}

const buildRecord: z.ZodType<BuildRecord> = z.union([
  z.object({
    build: z.object({ digest: z.custom<Digest>(isDigest), size: z.number() }),
    notes: z.array(z.string()),
  }),
  z.object({ problem: z.string() }),
]);

function parseBuildRecord(value: unknown): BuildRecord {
  return parseWith(buildRecord, value, 'build record');
}
