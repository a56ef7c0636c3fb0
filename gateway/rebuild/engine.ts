import { join } from 'node:path';
import {
  type Candidate,
  canonicalJson,
  chooseCandidate,
  type Digest,
  digestOf,
  errorRecord,
  type HardwareClass,
  type Logger,
  type Objective,
  type RebuildReport,
  type TrialRequest,
} from '../../core/index.ts';
import type { BlobStore, State, Table } from '../../store/index.ts';
import {
  GOLDEN_CASES,
  LOOK_RUNS,
  JUDGED_SAMPLES,
  MAX_TRIAL_BUDGET_MS,
  REBUILD_PARALLEL,
  SECOND_TRIAL_FACTOR,
  TRIAL_BUDGET_MS,
  TRIAL_RUNS,
  TRIAL_SAMPLES,
} from '../constants.ts';
import { RebuildFailedError } from '../errors.ts';
import type { RebuildOptions } from '../gateway.ts';
import {
  artifactRef,
  type Content,
  fileLayer,
  type ModelArtifact,
  type RuntimeArtifact,
} from '../pull/index.ts';
import { Builder } from './build.ts';
import { Evaluator } from './evaluate.ts';
import type { OwnRuntime, OwnRuntimes } from './own-runtimes.ts';
import { planRebuild, worthTrying } from './plan.ts';
import { parseReadyModel, type ReadyModel } from './report.ts';
import { SharedWork, Turns } from './shared-work.ts';
import type { RebuildListener } from './progress.ts';
import { soberAccuracy, withResults } from './merge-results.ts';
import type { Measure } from './trial-on-node.ts';

/** One model for one hardware class. */
export interface RebuildJob {
  model: ModelArtifact;
  target: HardwareClass;
  /** The runtime of the class, in the variant for its platform. */
  runtime: RuntimeArtifact;
  objective: Objective;
  maxDrop: number;
}

export interface EngineComponents {
  blobs: BlobStore;
  state: State;
  content: Pick<Content, 'ensureLayers'>;
  runtimes: Pick<OwnRuntimes, 'forBuilding' | 'prove'>;
  /** Has a node of the class measure. Without it the gateway measures. */
  measure?: Measure;
  /** Told what goes on, as it happens. */
  onProgress?: RebuildListener;
  log: Logger;
  clock: () => number;
}

/**
 * Makes models ready for hardware classes by choosing among measured builds. Every model is rebuilt once for a class,
 * however many nodes and deployments ask for it, and what was found out is kept.
 */
export class RebuildEngine {
  readonly #components: EngineComponents;
  readonly #options: RebuildOptions;
  readonly #ready: Table<ReadyModel>;
  readonly #builder: Builder;
  readonly #evaluator: Evaluator;
  readonly #building: Turns;
  readonly #work = new SharedWork<ReadyModel>();

  constructor(
    init: { dir: string; execPath: string | undefined; rebuild: RebuildOptions | undefined },
    components: EngineComponents,
  ) {
    this.#components = components;
    this.#options = init.rebuild ?? {};
    const { execPath } = init;
    const { parallel = REBUILD_PARALLEL, buildTimeoutMs, memoryMiB } = this.#options;
    const { state } = components;
    this.#ready = state.table('rebuilds', parseReadyModel);
    this.#building = new Turns(parallel);
    this.#builder = new Builder(
      { dir: join(init.dir, 'rebuild'), execPath, timeoutMs: buildTimeoutMs, memoryMiB },
      { ...components, turns: this.#building },
    );
    this.#evaluator = new Evaluator({ execPath }, { ...components, turns: new Turns(1) });
  }

  /**
   * The model as nodes of this class should run it.
   *
   * @throws {RebuildFailedError} when not even the original runs on the class
   */
  async rebuild(job: RebuildJob, signal: AbortSignal): Promise<ReadyModel> {
    const key = jobKey(job);
    const known = await this.#ready.get(key);
    if (known !== undefined && (await this.#complete(known))) return known;
    return this.#work.run(key, signal, async (workSignal) => {
      const ready = await this.#rebuild(job, workSignal);
      await this.#ready.put(key, ready, { sync: true });
      return ready;
    });
  }

  /** The report of a model on a class, if it was rebuilt for it. */
  async report(job: Omit<RebuildJob, 'runtime'>): Promise<RebuildReport | undefined> {
    return (await this.#ready.get(jobKey(job)))?.report;
  }

  async #rebuild(job: RebuildJob, signal: AbortSignal): Promise<ReadyModel> {
    const { content, runtimes, clock, log } = this.#components;
    const { model, target, objective, maxDrop } = job;
    const { card } = model;
    const data = [card.calibration, card.validation].flatMap((path) =>
      path === undefined ? [] : [fileLayer(model, path)],
    );
    await content.ensureLayers(model.manifest, [model.weights, ...data], { signal });
    const own = await runtimes.forBuilding(signal);
    const plan = planRebuild(card, target, maxDrop, own !== undefined);
    log.info(
      { model: card.name, hardwareClass: target.id, candidates: plan.specs.length },
      'a model is rebuilt',
    );
    const built = await Promise.all(
      plan.specs.map((spec): Promise<Candidate> | Candidate =>
        own === undefined
          ? { ...spec, build: { digest: model.weights.digest, size: model.weights.size } }
          : this.#builder.build(model, spec, own, signal),
      ),
    );
    const tell = this.#components.onProgress ?? (() => undefined);
    const who = { model: card.name, hardwareClass: target.id };
    tell({ ...who, type: 'planned', candidates: plan.specs.map(({ name }) => name) });
    for (const candidate of built) tell({ ...who, type: 'built', candidate });
    const { candidates, measuredBy, predicted } = await this.#measure(job, built, own, signal);
    for (const candidate of candidates) tell({ ...who, type: 'measured', candidate, by: measuredBy });
    const { chosen, judged, build, vouched } = await this.#choose(
      job,
      [...candidates, ...plan.skipped],
      own,
      signal,
    );
    const report: RebuildReport = {
      model: {
        name: card.name,
        version: card.version,
        source: model.weights.digest,
        size: model.weights.size,
      },
      hardwareClass: target.id,
      objective,
      maxDrop,
      judgedBy: card.validation === undefined ? 'none' : 'validation',
      measuredBy,
      predicted,
      candidates: judged,
      chosen,
      at: clock(),
    };
    tell({ ...who, type: 'chosen', report });
    log.info({ model: card.name, hardwareClass: target.id, chosen, measuredBy }, 'a model is ready');
    return { report, build, ...vouched };
  }

  /**
   * The best candidate that can be vouched for. A build whose golden vectors can't be computed is no better than one
   * that does not run; the original is what its publisher signed, and goes without where that fails.
   */
  async #choose(
    job: RebuildJob,
    candidates: readonly Candidate[],
    own: OwnRuntime | undefined,
    signal: AbortSignal,
  ): Promise<{
    chosen: string;
    judged: Candidate[];
    build: NonNullable<Candidate['build']>;
    vouched: Pick<ReadyModel, 'card' | 'golden'>;
  }> {
    const { model, target, objective, maxDrop } = job;
    const { chosen, candidates: judged } = chooseCandidate(candidates, { objective, maxDrop });
    const { name, recipe, build, problem: trouble } = chosen;
    if (build === undefined || trouble !== undefined)
      throw new RebuildFailedError(
        `${artifactRef(model.entry)} does not run on ${target.id}: ${trouble ?? 'it was not built'}`,
      );
    try {
      return { chosen: name, judged, build, vouched: await this.#vouch(job, build, own, signal) };
    } catch (error) {
      signal.throwIfAborted();
      const problem = `no golden vectors: ${errorRecord(error).message}`;
      this.#components.log.warn({ model: model.card.name, name, problem }, 'a build cannot be vouched for');
      const { digest, size } = model.cardLayer;
      if (recipe === 'original') return { chosen: name, judged, build, vouched: { card: { digest, size } } };
      const others = candidates.map((other) => (other.name === name ? { ...other, problem } : other));
      return this.#choose(job, others, own, signal);
    }
  }

  /** Judges the builds here, then has a node of the class measure what is accurate enough. */
  async #measure(
    job: RebuildJob,
    built: readonly Candidate[],
    own: OwnRuntime | undefined,
    signal: AbortSignal,
  ): Promise<{ candidates: Candidate[]; measuredBy: string; predicted: boolean }> {
    const { model, target, maxDrop } = job;
    const request = this.#trialRequest(job, built, { runs: LOOK_RUNS, samples: JUDGED_SAMPLES });
    if (request === undefined) return { candidates: [...built], measuredBy: 'gateway', predicted: true };
    const judged =
      own === undefined
        ? built
        : await twice(request, (trial) => this.#evaluator.evaluate(trial, own, built, signal));
    const worth = worthTrying(judged, maxDrop);
    // Where the gateway has seen all samples, some are enough for the node to show that its hardware agrees.
    const samples = own === undefined ? JUDGED_SAMPLES : TRIAL_SAMPLES;
    const narrowed = this.#trialRequest(job, worth, { runs: TRIAL_RUNS, samples }) ?? request;
    let measuredBy = 'gateway';
    const onNode = await twice(narrowed, async (trial) => {
      const found = await this.#components.measure?.(target.id, trial, { patient: true, signal });
      measuredBy = found?.measuredBy ?? measuredBy;
      return found === undefined
        ? undefined
        : withResults(judged, trial, found.results, 'the node did not get to it within its budget');
    });
    if (onNode !== undefined && !originalFailed(onNode))
      return { candidates: onNode, measuredBy, predicted: false };
    const classRuntime = await this.#classRuntime(job, signal);
    if (classRuntime !== undefined) {
      const measured = await twice(narrowed, (trial) =>
        this.#evaluator.evaluate(trial, classRuntime, judged, signal),
      );
      const candidates = measured.map((candidate, i) => ({
        ...candidate,
        accuracy: soberAccuracy(judged[i]?.accuracy, candidate.accuracy),
      }));
      return { candidates, measuredBy: 'gateway', predicted: false };
    }
    if (onNode !== undefined) return { candidates: onNode, measuredBy, predicted: false };
    this.#components.log.warn(
      { model: model.card.name, hardwareClass: target.id },
      'no node of the class can measure: the choice goes by the gateway',
    );
    const candidates = judged.map((candidate) => unproven(candidate, job, own));
    return { candidates, measuredBy: 'gateway', predicted: true };
  }

  #trialRequest(
    job: RebuildJob,
    candidates: readonly Candidate[],
    most: { runs: number; samples: number },
  ): TrialRequest | undefined {
    const { model, runtime, target } = job;
    const { metric, validation } = model.card;
    if (validation === undefined) return undefined;
    const layer = fileLayer(model, validation);
    const builds = candidates.flatMap(({ name, build, session }) =>
      build === undefined
        ? []
        : [{ name, digest: build.digest, size: build.size, ...(session === undefined ? {} : { session }) }],
    );
    // The original first, since all others are held against it; then the smallest, which promise most.
    builds.sort((a, b) => Number(b.name === 'original') - Number(a.name === 'original') || a.size - b.size);
    const { trialBudgetMs = TRIAL_BUDGET_MS } = this.#options;
    const samples = Math.min(most.samples, this.#options.samples ?? JUDGED_SAMPLES);
    return {
      runtime: {
        manifest: runtime.self.digest,
        manifestSize: runtime.self.size,
        provider: target.runtime.provider,
      },
      metric,
      builds,
      validation: { digest: layer.digest, size: layer.size },
      budget: { samples, runs: most.runs, milliseconds: trialBudgetMs },
    };
  }

  /** The class's own runtime on the gateway, where operating system and processor are of the same kind. */
  async #classRuntime(job: RebuildJob, signal: AbortSignal): Promise<OwnRuntime | undefined> {
    const { target, runtime } = job;
    if (target.os !== process.platform || target.arch !== process.arch) return undefined;
    const { provider, digest } = target.runtime;
    return this.#components.runtimes.prove(runtime.entry, digest, provider, signal);
  }

  /**
   * The vectors that a node checks a build by before it activates it, and the card that says how closely. The
   * original's outputs are golden where the build comes near them. An int8 build lies further off by nature, within
   * the accuracy floor though: its own outputs, as computed here, are golden then, and since rounding on other
   * hardware may move it as far as quantising did, the tolerance that is shipped is that distance where it is larger.
   */
  async #vouch(
    job: RebuildJob,
    build: { digest: Digest; size: number },
    own: OwnRuntime | undefined,
    signal: AbortSignal,
  ): Promise<Pick<ReadyModel, 'card' | 'golden'>> {
    const { model } = job;
    const { card, cardLayer } = model;
    const published = { digest: cardLayer.digest, size: cardLayer.size };
    const runtime = (await this.#classRuntime(job, signal)) ?? own;
    if (card.validation === undefined || runtime === undefined) return { card: published };
    const { blobs } = this.#components;
    const { file, from, difference } = await this.#builder.golden(
      {
        original: await blobs.path(model.weights.digest),
        build: await blobs.path(build.digest),
        validation: await blobs.path(fileLayer(model, card.validation).digest),
        cases: GOLDEN_CASES,
        tolerance: card.goldenTolerance,
      },
      runtime,
      signal,
    );
    if (from === 'original' || difference <= card.goldenTolerance) return { card: published, golden: file };
    const shipped = new TextEncoder().encode(canonicalJson({ ...card, goldenTolerance: difference }));
    return { card: { digest: await blobs.put(shipped), size: shipped.byteLength }, golden: file };
  }

  async #complete(ready: ReadyModel): Promise<boolean> {
    const { blobs } = this.#components;
    const wanted = [ready.build, ready.card, ...(ready.golden === undefined ? [] : [ready.golden])];
    for (const { digest } of wanted) if (!(await blobs.has(digest))) return false;
    return true;
  }
}

function originalFailed(candidates: readonly Candidate[]): boolean {
  return candidates.find(({ recipe }) => recipe === 'original')?.problem !== undefined;
}

/** Tries again with more time where not even the original ran: more often than not the machine was busy. */
async function twice<T extends readonly Candidate[] | undefined>(
  request: TrialRequest,
  run: (request: TrialRequest) => Promise<T>,
): Promise<T> {
  const first = await run(request);
  if (first === undefined || !originalFailed(first)) return first;
  const milliseconds = Math.min(request.budget.milliseconds * SECOND_TRIAL_FACTOR, MAX_TRIAL_BUDGET_MS);
  return run({ ...request, budget: { ...request.budget, milliseconds } });
}

/** What is known of a class without having run there: a graph that one runtime version fused, only that one surely loads. */
function unproven(candidate: Candidate, job: RebuildJob, own: OwnRuntime | undefined): Candidate {
  const { name, version } = job.runtime.runtime;
  const same = own?.artifact.runtime.name === name && own.artifact.runtime.version === version;
  if (candidate.recipe !== 'optimize' || candidate.build === undefined || same) return candidate;
  const problem = `made with another runtime than ${name} ${version}, and no node of the class could try it`;
  return { ...candidate, problem };
}

function jobKey({ model, target, objective, maxDrop }: Omit<RebuildJob, 'runtime'>): string {
  const content = digestOf(
    canonicalJson({ model: model.self.digest, target: target.id, objective, maxDrop }),
  );
  return `${model.card.name}/${content}`;
}
