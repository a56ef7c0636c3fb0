import { readFile, writeFile } from 'node:fs/promises';
import {
  decodeSamples,
  InvalidInputError,
  type Metric,
  type RuntimeHandle,
  type Sample,
  scoreSample,
  type Session,
  type Tensors,
} from '../../core/index.ts';
import { processMemory } from '../child/memory.ts';
import { checkRuntime } from '../probe/check-runtime.ts';

const WARM_UP_RUNS = 2;
const KIB_PER_MIB = 1024;

export interface BuildInit {
  runtime: RuntimeHandle;
  provider: string;
  metric: Metric;
  /** Path of the build's ONNX file. */
  model: string;
  /** Path of the sample set. */
  validation: string;
  /** Samples that are used at most. */
  samples: number;
}

export interface Opened {
  loadMs: number;
  peakMemoryMiB: number;
  samples: number;
}

/** One build, loaded in a process of its own so that its memory can be told from all others'. */
export class BuildUnderTest {
  readonly opened: Opened;
  readonly #session: Session;
  readonly #samples: readonly Sample[];
  readonly #metric: Metric;

  constructor(opened: Opened, session: Session, samples: readonly Sample[], metric: Metric) {
    this.opened = opened;
    this.#session = session;
    this.#samples = samples;
    this.#metric = metric;
  }

  /** What this build gives for a sample: the metric's output only, and its score against itself or the truth. */
  async reference(index: number): Promise<{ outputs: Tensors; score: number; labelled: boolean }> {
    const sample = this.#sample(index);
    const all = await this.#session.run(sample.inputs);
    const score = scoreSample(this.#metric, all, sample, all);
    const outputs = Object.fromEntries(Object.entries(all).filter(([name]) => name === this.#metric.output));
    return { outputs, score, labelled: sample.expected !== undefined };
  }

  async score(index: number, reference: Tensors): Promise<number> {
    const sample = this.#sample(index);
    return scoreSample(this.#metric, await this.#session.run(sample.inputs), sample, reference);
  }

  /** Times of `runs` runs, in milliseconds, over the samples in turn from `from` on. */
  async time(from: number, runs: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = from; i < from + runs; i += 1) {
      const { inputs } = this.#sample(i % this.#samples.length);
      const start = performance.now();
      await this.#session.run(inputs);
      times.push(performance.now() - start);
    }
    return times;
  }

  #sample(index: number): Sample {
    const sample = this.#samples[index];
    if (sample === undefined) throw new InvalidInputError(`there is no sample ${index}`);
    return sample;
  }
}

/** @throws {ModelInvalidError} @throws {InferenceError} @throws {InvalidInputError} for a sample set without samples */
export async function openBuild(init: BuildInit): Promise<BuildUnderTest> {
  const { runtime, provider, metric, model, validation } = init;
  const samples = decodeSamples(await readFile(validation)).samples.slice(0, init.samples);
  const [first] = samples;
  if (first === undefined) throw new InvalidInputError('the sample set has no samples');
  // The runtime's own code becomes resident with its first model; that is not this model's memory.
  await checkRuntime(runtime, provider);
  await forgetPeak();
  const before = (await residentNow()).residentMiB;
  const start = performance.now();
  const session = await runtime.open(await readFile(model), { provider });
  const loadMs = performance.now() - start;
  for (let i = 0; i < WARM_UP_RUNS; i += 1) await session.run(first.inputs);
  const peakMemoryMiB = Math.max(0, (await residentNow()).peakMiB - before);
  return new BuildUnderTest({ loadMs, peakMemoryMiB, samples: samples.length }, session, samples, metric);
}

async function residentNow(): Promise<{ residentMiB: number; peakMiB: number }> {
  const memory = await processMemory('self');
  if (memory !== undefined) return memory;
  return {
    residentMiB: process.memoryUsage.rss() / KIB_PER_MIB / KIB_PER_MIB,
    peakMiB: process.resourceUsage().maxRSS / KIB_PER_MIB,
  };
}

/** Sets the peak back to what is resident now (proc_pid_clear_refs(5)); where it can't, the peak is the start's. */
async function forgetPeak(): Promise<void> {
  await writeFile('/proc/self/clear_refs', '5').catch(() => undefined);
}
