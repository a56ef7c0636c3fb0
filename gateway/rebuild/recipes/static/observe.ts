import type { RuntimeHandle, Sample } from '../../../../core/index.ts';
import type { ModelProto } from '../../onnx/index.ts';
import { withOutputs } from '../value-types.ts';
import { ChannelStatistics } from './channels.ts';
import { Histogram } from './histogram.ts';

/** Elements of activations that one run may give back together: 512 MiB. More are looked at in further runs. */
const MAX_ELEMENTS = 128 * 2 ** 20;

/** What is to be known of the activations of a model. */
export interface Wanted {
  /** Activations whose spread is wanted. */
  values: ReadonlySet<string>;
  /** Those among them whose channels are wanted each by itself: the axis that counts channels, from the end if < 0. */
  channels: ReadonlyMap<string, number>;
  /** Elements of each for one sample, as `sizesOf` found. */
  sizes: ReadonlyMap<string, number>;
}

/** How activations spread over calibration samples. */
export interface Observations {
  histograms: ReadonlyMap<string, Histogram>;
  channels: ReadonlyMap<string, ChannelStatistics>;
}

/**
 * Runs a model over calibration samples and notes how the named activations spread. One thread, so that the sums come
 * out the same every time. Models whose activations would not fit into memory together are run several times.
 */
export async function observe(
  model: ModelProto,
  wanted: Wanted,
  samples: readonly Sample[],
  runtime: RuntimeHandle,
  signal: AbortSignal,
): Promise<Observations> {
  const { values, sizes } = wanted;
  const histograms = new Map([...values].map((name) => [name, new Histogram()]));
  const channels = new Map<string, ChannelStatistics>();
  for (const [name, axis] of wanted.channels) channels.set(name, new ChannelStatistics(axis));
  const inputs = new Set(model.graph.input.map(({ name }) => name));
  const made = [...values].filter((name) => !inputs.has(name));
  const groups = grouped(made, sizes);
  for (const [turn, group] of groups.entries()) {
    const session = await runtime.open(withOutputs(model, group), { threads: 1 });
    try {
      for (const sample of samples) {
        signal.throwIfAborted();
        const outputs = await session.run(sample.inputs);
        const seen = turn === 0 ? { ...outputs, ...sample.inputs } : outputs;
        for (const name of turn === 0 ? [...group, ...inputs] : group) {
          const tensor = seen[name];
          if (!(tensor?.data instanceof Float32Array)) continue;
          histograms.get(name)?.add(tensor.data);
          channels.get(name)?.add(tensor.data, tensor.dims);
        }
      }
    } finally {
      await session.close();
    }
  }
  return { histograms, channels };
}

/** Cuts a list of activations where they would be too large together. There is always one group. */
function grouped(names: readonly string[], sizes: ReadonlyMap<string, number>): string[][] {
  const groups: string[][] = [[]];
  let elements = 0;
  for (const name of names) {
    const size = sizes.get(name) ?? 0;
    const group = groups.at(-1);
    if (group !== undefined && (group.length === 0 || elements + size <= MAX_ELEMENTS)) {
      group.push(name);
      elements += size;
    } else {
      groups.push([name]);
      elements = size;
    }
  }
  return groups;
}
