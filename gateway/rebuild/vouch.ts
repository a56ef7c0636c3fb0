import { canonicalJson, type Digest } from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import { GOLDEN_CASES } from '../constants.ts';
import type { ModelArtifact } from '../pull/index.ts';
import { installed, type OwnRuntime } from './own-runtimes.ts';
import type { ReadyModel } from './report.ts';
import { type GoldenTask, parseGoldenAnswer } from './worker-protocol.ts';
import type { Workers } from './workers.ts';

/** What a package ships beside a build. */
export type Vouched = Pick<ReadyModel, 'card' | 'golden'>;

/** Makes what nodes check a build by before they activate it. */
export class Voucher {
  readonly #blobs: BlobStore;
  readonly #workers: Workers;

  constructor(components: { blobs: BlobStore; workers: Workers }) {
    this.#blobs = components.blobs;
    this.#workers = components.workers;
  }

  /**
   * Golden vectors, and the card that says how closely they must be met. The original's outputs are golden where the
   * build comes near them. An int8 build lies further off by nature, within the accuracy floor though: its own outputs,
   * as computed here, are golden then, and since rounding on other hardware may move it as far as quantising did, the
   * tolerance that is shipped is that distance where it is larger.
   *
   * @param samples inputs; without any, or without a runtime, there are no golden vectors
   * @throws what the worker throws
   */
  async vouch(
    model: ModelArtifact,
    build: Digest,
    samples: Digest | undefined,
    runtime: OwnRuntime | undefined,
    signal: AbortSignal,
  ): Promise<Vouched> {
    const { card } = model;
    if (samples === undefined || runtime === undefined) return published(model);
    const work = { name: 'golden vectors', modelSize: model.weights.size };
    const { file, from, difference } = await this.#workers.run(work, signal, async (ask, folder) => {
      const task: GoldenTask = {
        original: await this.#blobs.path(model.weights.digest),
        build: await this.#blobs.path(build),
        validation: await this.#blobs.path(samples),
        cases: GOLDEN_CASES,
        tolerance: card.goldenTolerance,
        runtime: installed(runtime),
        provider: runtime.provider,
        out: `${folder}/golden.cbor`,
      };
      const answer = parseGoldenAnswer(await ask('golden', task));
      return { ...answer, file: await this.#blobs.putFile(task.out) };
    });
    if (from === 'original' || difference <= card.goldenTolerance)
      return { ...published(model), golden: file };
    const shipped = new TextEncoder().encode(canonicalJson({ ...card, goldenTolerance: difference }));
    return { card: { digest: await this.#blobs.put(shipped), size: shipped.byteLength }, golden: file };
  }
}

/** Nothing but the card that the publisher signed. */
export function published({ cardLayer: { digest, size } }: ModelArtifact): Vouched {
  return { card: { digest, size } };
}
