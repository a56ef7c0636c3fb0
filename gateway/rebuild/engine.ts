import { join } from 'node:path';
import {
  BUILDER_VERSION,
  type Candidate,
  type CandidateSpec,
  chooseCandidate,
  chosenOf,
  fitsDisk,
  type HardwareClass,
  type Logger,
  type Objective,
  type RebuildReport,
} from '../../core/index.ts';
import type { BlobStore, State } from '../../store/index.ts';
import { REBUILD_PARALLEL, REBUILD_THREADS } from '../constants.ts';
import type { RebuildOptions } from '../gateway.ts';
import type { RebuildCounts } from '../views.ts';
import { type Content, fileLayer, type ModelArtifact, type RuntimeArtifact } from '../pull/index.ts';
import { Builder } from './build.ts';
import { carefulTries } from './careful.ts';
import { type Choice, Chooser, rulesOf } from './choice.ts';
import { ClassTrials } from './class-trials.ts';
import { Evaluator } from './evaluate.ts';
import { TrialFacts } from './facts.ts';
import { JudgingDataFinder } from './judging-data.ts';
import { type Measured, Measurer, type Rebuilding } from './measure.ts';
import { openable } from './large-source.ts';
import { MAX_MODEL_BYTES } from './onnx/index.ts';
import type { OwnRuntimes } from './own-runtimes.ts';
import { type OwnSandbox, ownSandbox } from './own-sandbox.ts';
import { planRebuild, type RebuildPlan } from './plan.ts';
import type { RebuildListener, RebuildStep } from './progress.ts';
import { proven } from './prove.ts';
import { type ReadyKey, readyKey, ReadyModels } from './ready-models.ts';
import type { ReadyModel } from './report.ts';
import { settingsToTry } from './settings.ts';
import { SharedWork } from './shared-work.ts';
import type { Measure } from './trial-on-node.ts';
import { Voucher } from './vouch.ts';
import { whereToRun } from './where.ts';
import { Workers } from './workers.ts';

/** One model for one hardware class. */
export interface RebuildJob {
  model: ModelArtifact;
  target: HardwareClass;
  /** The runtime of the class, in the variant for its platform. */
  runtime: RuntimeArtifact;
  objective: Objective;
  maxDrop: number;
  /** What a build may take on the disk of the nodes that it is for, in MiB. Default: any. */
  diskMiB?: number | undefined;
  /** Whether it is to run on the class's accelerator, however fast: an app was granted that. Default: where it is faster. */
  onAccelerator?: boolean | undefined;
}

export interface EngineInit {
  dir: string;
  execPath: string | undefined;
  rebuild: RebuildOptions | undefined;
  /** Instruction set of this machine, as classes have it: where none of their nodes can measure, it predicts best. */
  isa?: string | undefined;
  /** What a runtime opens in one file. Default: what ONNX allows. */
  oneFileBytes?: number | undefined;
}

export interface EngineComponents {
  blobs: BlobStore;
  state: State;
  content: Pick<Content, 'ensureLayers'>;
  runtimes: Pick<OwnRuntimes, 'forBuilding' | 'prove'>;
  /** Has nodes of the class measure. Without it this machine stands for the classes that its runtimes run for. */
  measure?: Measure;
  /** How its children are confined. Default: as well as this machine can. */
  sandbox?: OwnSandbox;
  /** Told what goes on, as it happens. */
  onProgress?: RebuildListener;
  log: Logger;
  clock: () => number;
}

/**
 * Makes models ready for hardware classes by choosing among measured builds. Every model is rebuilt once for a class,
 * however many nodes and deployments ask for it, and what was found out is kept: builds by what decides their bytes,
 * measurements by class, build and data, and the outcome by objective and floor.
 */
export class RebuildEngine {
  readonly #components: EngineComponents;
  readonly #options: RebuildOptions;
  readonly #oneFileBytes: number;
  readonly #ready: ReadyModels;
  readonly #data: JudgingDataFinder;
  readonly #builder: Builder;
  readonly #measurer: Measurer;
  readonly #chooser: Chooser;
  readonly #work = new SharedWork<ReadyModel>();
  readonly #counts: RebuildCounts = { built: 0, reused: 0, failed: 0, measured: 0, predicted: 0 };

  constructor(init: EngineInit, components: EngineComponents) {
    this.#components = components;
    const { execPath, isa, rebuild: options = {}, oneFileBytes = MAX_MODEL_BYTES } = init;
    const { blobs, state, measure, log, clock } = components;
    const { parallel = REBUILD_PARALLEL, buildTimeoutMs: timeoutMs, memoryMiB } = options;
    const dir = join(init.dir, 'rebuild');
    const sandbox = components.sandbox ?? ownSandbox(execPath, { log });
    const workers = new Workers({ dir, execPath, parallel, timeoutMs, memoryMiB }, { log, sandbox });
    const facts = new TrialFacts({ state, clock });
    const ready = new ReadyModels({ state, blobs });
    const evaluator = new Evaluator({ execPath, oneFileBytes }, { blobs, facts, workers, sandbox, log });
    const trials = new ClassTrials({ facts, measure });
    this.#options = options;
    this.#ready = ready;
    this.#data = new JudgingDataFinder({ blobs, state, workers });
    this.#builder = new Builder({ blobs, state, workers, log });
    this.#measurer = new Measurer(
      { options, isa, alone: measure === undefined, oneFileBytes },
      { evaluator, trials, ready },
    );
    this.#chooser = new Chooser({ voucher: new Voucher({ oneFileBytes }, { blobs, state, workers }), log });
    this.#oneFileBytes = oneFileBytes;
  }

  /**
   * The model as nodes of this class should run it.
   *
   * @throws {RebuildFailedError} when not even the original runs on the class, or nothing fits the nodes' disk
   */
  async rebuild(job: RebuildJob, signal: AbortSignal): Promise<ReadyModel> {
    const best = await this.#once(anyDisk(job), signal);
    // Who has less room gets the best of what fits: all of it is built and measured by now.
    return fitsDisk(best.build, job.diskMiB) ? best : this.#once(job, signal);
  }

  /**
   * Makes a prediction good: has the class measure, where it can now, and chooses anew. Waits for no busy node.
   *
   * @returns the model as it is ready then; undefined where there is no prediction, or still no more than that
   */
  async upgrade(job: RebuildJob, signal: AbortSignal): Promise<ReadyModel | undefined> {
    const best = await this.#upgradeOne(anyDisk(job), signal);
    const known = best ?? (await this.#ready.complete(anyDisk(job)));
    return known === undefined || fitsDisk(known.build, job.diskMiB) ? best : this.#upgradeOne(job, signal);
  }

  /** What became of builds since the start. */
  counts(): RebuildCounts {
    return { ...this.#counts };
  }

  /** The report of a model on a class, if it was rebuilt for it. */
  async report(key: ReadyKey): Promise<RebuildReport | undefined> {
    const best = await this.#ready.report(anyDisk(key));
    const { build } = best === undefined ? {} : chosenOf(best);
    if (build === undefined || fitsDisk(build, key.diskMiB)) return best;
    return (await this.#ready.report(key)) ?? best;
  }

  async #once(job: RebuildJob, signal: AbortSignal): Promise<ReadyModel> {
    const known = await this.#ready.complete(job);
    if (known !== undefined) return known;
    return this.#work.run(readyKey(job), signal, async (workSignal) => {
      const ready = await this.#rebuild(job, true, workSignal);
      await this.#ready.put(job, ready);
      return ready;
    });
  }

  async #upgradeOne(job: RebuildJob, signal: AbortSignal): Promise<ReadyModel | undefined> {
    const known = await this.#ready.complete(job);
    if (known?.report.predicted !== true || known.report.judgedBy === 'none') return undefined;
    const ready = await this.#work.run(readyKey(job), signal, async (workSignal) => {
      const again = await this.#rebuild(job, false, workSignal);
      if (!again.report.predicted) await this.#ready.put(job, again);
      return again;
    });
    return ready.report.predicted ? undefined : ready;
  }

  async #rebuild(job: RebuildJob, patient: boolean, signal: AbortSignal): Promise<ReadyModel> {
    const rebuilding = await this.#prepare(job, patient, signal);
    const { specs, skipped } = this.#plan(rebuilding);
    const first = await this.#judge(rebuilding, await this.#build(rebuilding, specs));
    const careful = await this.#tryCarefully(rebuilding, first);
    const judged = whereToRun([...first, ...careful], job.target);
    const measured = await this.#measurer.measure(rebuilding, judged);
    const candidates = openable(measured.candidates, this.#oneFileBytes);
    const tuned = await this.#prove(rebuilding, await this.#tune(rebuilding, { ...measured, candidates }));
    for (const candidate of tuned.candidates)
      this.#tell(job, { type: 'measured', candidate, by: tuned.measuredBy });
    const choice = await this.#chooser.choose(rebuilding, [...tuned.candidates, ...skipped]);
    return this.#finish(rebuilding, tuned, choice);
  }

  /** Brings everything here that the rebuild works with. */
  async #prepare(job: RebuildJob, patient: boolean, signal: AbortSignal): Promise<Rebuilding> {
    const { content, runtimes } = this.#components;
    const { model, target, runtime } = job;
    const { calibration, validation, metric } = model.card;
    const files = [calibration, validation, metric.kind === 'app' ? metric.module : undefined];
    const layers = files.flatMap((path) => (path === undefined ? [] : [fileLayer(model, path)]));
    await content.ensureLayers(model.manifest, [model.weights, ...layers], { signal });
    const own = await runtimes.forBuilding(signal);
    const { provider, digest } = target.runtime;
    const sameKind = target.os === process.platform && target.arch === process.arch;
    const classRuntime = sameKind ? await runtimes.prove(runtime.entry, digest, provider, signal) : undefined;
    return { job, data: await this.#data.find(model, signal), own, classRuntime, patient, signal };
  }

  #plan({ job, data, own }: Rebuilding): RebuildPlan {
    const { model, target, maxDrop } = job;
    const plan = planRebuild(model.card, target, maxDrop, { runtime: own !== undefined, data });
    this.#tell(job, { type: 'planned', candidates: plan.specs.map(({ name }) => name) });
    return plan;
  }

  /** Builds candidates, or takes them from the store where they were built before. */
  async #build(rebuilding: Rebuilding, specs: readonly CandidateSpec[]): Promise<Candidate[]> {
    const { job, data, own, signal } = rebuilding;
    const { model } = job;
    return Promise.all(
      specs.map(async (spec): Promise<Candidate> => {
        const { digest, size } = model.weights;
        const { candidate, reused } =
          own === undefined
            ? { candidate: { ...spec, build: { digest, size } }, reused: true }
            : await this.#builder.build({ model, calibration: data.calibration, own }, spec, signal);
        this.#tell(job, { type: 'built', candidate, reused });
        return candidate;
      }),
    );
  }

  async #judge(rebuilding: Rebuilding, built: readonly Candidate[]): Promise<Candidate[]> {
    const judged = await this.#measurer.judge(rebuilding, built);
    for (const candidate of judged) this.#tell(rebuilding.job, { type: 'judged', candidate });
    return judged;
  }

  /** Builds and judges once more, with less loss allowed, what missed the floor. */
  async #tryCarefully(rebuilding: Rebuilding, judged: readonly Candidate[]): Promise<Candidate[]> {
    const { own, job } = rebuilding;
    const specs = own === undefined ? [] : carefulTries(judged, job.maxDrop);
    const original = judged.find(({ name }) => name === 'original');
    if (specs.length === 0 || original === undefined) return [];
    const [, ...tried] = await this.#judge(rebuilding, [original, ...(await this.#build(rebuilding, specs))]);
    return tried;
  }

  /** Tries settings of the runtime on the build that would win. */
  async #tune(rebuilding: Rebuilding, measured: Measured): Promise<Measured> {
    const { job } = rebuilding;
    const { threads = REBUILD_THREADS } = this.#options;
    const { chosen } = chooseCandidate(measured.candidates, rulesOf(job));
    return this.#measurer.tune(rebuilding, measured, settingsToTry(chosen, job.objective, threads));
  }

  /** Has the class judge what would win, on all samples. */
  async #prove(rebuilding: Rebuilding, measured: Measured): Promise<Measured> {
    const candidates = await proven(measured.candidates, rulesOf(rebuilding.job), (winner) =>
      this.#measurer.prove(rebuilding, measured, winner),
    );
    return { ...measured, candidates };
  }

  #finish({ job, data }: Rebuilding, measured: Measured, { chosen, judged, vouched }: Choice): ReadyModel {
    const { log, clock } = this.#components;
    const { model, target, objective, maxDrop } = job;
    const { name, version } = model.card;
    const { measuredBy, predicted } = measured;
    const report: RebuildReport = {
      model: { name, version, source: model.weights.digest, size: model.weights.size },
      hardwareClass: target.id,
      objective,
      maxDrop,
      judgedBy: data.by,
      measuredBy,
      predicted,
      candidates: judged,
      chosen: chosen.name,
      at: clock(),
    };
    this.#tell(job, { type: 'chosen', report });
    log.info(
      { model: name, hardwareClass: target.id, objective, chosen: chosen.name, measuredBy, predicted },
      'a model is ready',
    );
    const { digest, size } = chosen.build ?? model.weights;
    return { report, target, builder: BUILDER_VERSION, build: { digest, size }, ...vouched };
  }

  #count(step: RebuildStep): void {
    if (step.type === 'built') {
      const outcome = step.candidate.problem !== undefined ? 'failed' : step.reused ? 'reused' : 'built';
      this.#counts[outcome] += 1;
    } else if (step.type === 'chosen') this.#counts[step.report.predicted ? 'predicted' : 'measured'] += 1;
  }

  #tell({ model, target }: RebuildJob, step: RebuildStep): void {
    this.#count(step);
    const who = { model: model.card.name, hardwareClass: target.id };
    this.#components.log.debug({ ...who, step: step.type }, 'a rebuild goes on');
    this.#components.onProgress?.({ ...who, ...step });
  }
}

/** The job for nodes that have room for anything. */
function anyDisk<T extends ReadyKey>(job: T): T {
  const any = { ...job };
  delete any.diskMiB;
  return any;
}
