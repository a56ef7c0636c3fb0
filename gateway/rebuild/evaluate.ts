import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  type Accuracy,
  type Candidate,
  canonicalJson,
  type Digest,
  type Logger,
  type Measurement,
  parseTrialResult,
  parseWith,
  type TrialRequest,
  type TrialResult,
} from '../../core/index.ts';
import { runTrial } from '../../inference/index.ts';
import type { BlobStore, State, Table } from '../../store/index.ts';
import type { OwnRuntime } from './own-runtimes.ts';
import type { Turns } from './shared-work.ts';

/** What a run of a candidate showed. */
export interface Finding {
  problem?: string;
  accuracy?: Accuracy;
  measurement?: Measurement;
}

type Result = TrialResult['results'][number];

/**
 * Runs builds on the gateway itself: to sort out what is too inaccurate before a node's time is taken, and to measure
 * for a class that has no node at hand. One at a time, since two that run at once measure each other.
 */
export class Evaluator {
  readonly #blobs: BlobStore;
  readonly #findings: Table<Finding>;
  readonly #turns: Turns;
  readonly #log: Logger;
  readonly #execPath: string | undefined;

  constructor(
    init: { execPath: string | undefined },
    components: { blobs: BlobStore; state: State; turns: Turns; log: Logger },
  ) {
    this.#execPath = init.execPath;
    this.#blobs = components.blobs;
    this.#findings = components.state.table('findings', parseFinding);
    this.#turns = components.turns;
    this.#log = components.log;
  }

  /**
   * Fills in accuracy, measurement or problem of every build, as it runs on the gateway's runtime. What was found
   * before is not run again.
   *
   * @param request names builds by digest, the original first; its runtime is replaced by `own`
   */
  async evaluate(
    request: TrialRequest,
    own: OwnRuntime,
    candidates: readonly Candidate[],
    signal: AbortSignal,
  ): Promise<Candidate[]> {
    const [original] = request.builds;
    if (original === undefined) throw new TypeError('a trial needs the original');
    const trial: TrialRequest = {
      ...request,
      runtime: {
        manifest: own.artifact.self.digest,
        manifestSize: own.artifact.self.size,
        provider: own.provider,
      },
    };
    const findings = await this.#turns.run(signal, async () => {
      const known = await this.#known(trial, original.digest);
      // What another class has had run meanwhile is not run again.
      if (known.size === trial.builds.length) return known;
      return this.#find(trial, original.digest, own, signal);
    });
    return candidates.map((candidate) => {
      const finding = candidate.build === undefined ? undefined : findings.get(candidate.build.digest);
      return finding === undefined ? candidate : { ...candidate, ...finding };
    });
  }

  async #known(trial: TrialRequest, original: Digest): Promise<Map<string, Finding>> {
    const findings = new Map<string, Finding>();
    for (const { digest } of trial.builds) {
      const known = await this.#findings.get(findingKey(trial, original, digest));
      if (known !== undefined) findings.set(digest, known);
    }
    return findings;
  }

  async #find(
    trial: TrialRequest,
    original: Digest,
    own: OwnRuntime,
    signal: AbortSignal,
  ): Promise<Map<string, Finding>> {
    const findings = new Map<string, Finding>();
    for (const result of await this.#run(trial, own, signal)) {
      const build = trial.builds.find(({ name }) => name === result.name);
      if (build === undefined) continue;
      const finding = findingOf(result);
      findings.set(build.digest, finding);
      // What failed may have been the machine's fault, and is tried again when it is asked for again.
      if (finding.problem === undefined)
        await this.#findings.put(findingKey(trial, original, build.digest), finding);
    }
    return findings;
  }

  async #run(trial: TrialRequest, own: OwnRuntime, signal: AbortSignal): Promise<Result[]> {
    const files: Record<Digest, string> = {};
    for (const { digest } of [...trial.builds, trial.validation])
      files[digest] = await this.#blobs.path(digest);
    const { results } = await runTrial({
      runtimeDir: own.dir,
      runtime: own.artifact.runtime,
      provider: own.provider,
      request: trial,
      files,
      log: this.#log,
      signal,
      ...(this.#execPath === undefined ? {} : { execPath: this.#execPath }),
    });
    return results;
  }
}

function findingKey(trial: TrialRequest, original: Digest, build: Digest): string {
  const { runtime, metric, validation, budget } = trial;
  const key = canonicalJson({ runtime, metric, validation, budget, original, build });
  return createHash('sha256').update(key).digest('hex');
}

function parseFinding(value: unknown): Finding {
  const finding = parseWith(z.looseObject({}), value, 'finding');
  const [result] = parseTrialResult({ results: [{ ...finding, name: 'original' }] }).results;
  return result === undefined ? {} : findingOf(result);
}

function findingOf({ problem, accuracy, measurement }: Result): Finding {
  return {
    ...(problem === undefined ? {} : { problem }),
    ...(accuracy === undefined ? {} : { accuracy }),
    ...(measurement === undefined ? {} : { measurement }),
  };
}
