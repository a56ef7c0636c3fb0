import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { elementCount, type Packing, type Sample, type SampleSet, type Tensor } from '../../core/index.ts';
import { SampleSourceError } from './errors.ts';
import { parseNpy } from './npy.ts';

/** Arrays whose first axis counts the samples. */
export interface ArraySources {
  /** Files by the input that they are for. */
  inputs: ReadonlyMap<string, string>;
  /** File of what is true of each sample. */
  expected: string | undefined;
  /** For bytes that stand for floats: the model gets `byte * scale + shift`. */
  packing: Readonly<Record<string, Packing>>;
  /** Inputs that have no axis of batches: the state of a recurrent network, a sample rate. */
  asIs: ReadonlySet<string>;
  /** The first sample that is taken, and the first that is not. */
  from: number;
  to: number;
}

/**
 * One sample for each place along the first axis, as a batch of one: of an array [N, 3, 48, 320], N tensors
 * [1, 3, 48, 320]. Inputs that are taken as they are get no such batch: of an array [N, 2, 1, 64], N tensors [2, 1, 64].
 *
 * @throws {SampleSourceError} when a file is no array, one that is to be taken as it is is missing, or they do not have
 * equally many samples
 * @throws {InvalidInputError} when one is cut off
 */
export async function samplesFromArrays(sources: ArraySources): Promise<SampleSet> {
  const inputs = new Map<string, Tensor>();
  for (const [name, file] of sources.inputs) inputs.set(name, await readArray(file, sources.packing[name]));
  const expected = sources.expected === undefined ? undefined : await readArray(sources.expected, undefined);
  const unknown = [...sources.asIs].find((name) => !inputs.has(name));
  if (unknown !== undefined) throw new SampleSourceError(`there is no array for the input ${unknown}`);
  const counts = new Set(
    [...inputs.values(), ...(expected === undefined ? [] : [expected])].map(({ dims }) => dims[0]),
  );
  const [count] = counts;
  if (counts.size !== 1 || count === undefined)
    throw new SampleSourceError(`the arrays have different numbers of samples: ${[...counts].join(', ')}`);
  const samples: Sample[] = [];
  for (let i = sources.from; i < Math.min(count, sources.to); i += 1)
    samples.push({
      inputs: Object.fromEntries(
        [...inputs].map(([name, array]) => [name, row(array, i, sources.asIs.has(name) ? [] : [1])]),
      ),
      ...(expected === undefined ? {} : { expected: truth(expected, i) }),
    });
  if (samples.length === 0)
    throw new SampleSourceError(`there are ${count} samples, and none of them is taken`);
  return { samples };
}

async function readArray(file: string, packing: Packing | undefined): Promise<Tensor> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new SampleSourceError(`${file} can not be read`, { cause });
  });
  const array = parseNpy(bytes, basename(file));
  if (array.dims.length === 0) throw new SampleSourceError(`${basename(file)} has no axis of samples`);
  if (packing === undefined) return array;
  if (array.type !== 'uint8')
    throw new SampleSourceError(`${basename(file)} has ${array.type}, not bytes to scale`);
  const { scale, shift } = packing;
  return {
    ...array,
    type: 'float32',
    data: Float32Array.from(array.data as Uint8Array, (byte) => byte * scale + shift),
  };
}

function row({ type, dims, data }: Tensor, index: number, batch: number[]): Tensor {
  const size = elementCount(dims.slice(1));
  return { type, dims: [...batch, ...dims.slice(1)], data: data.slice(index * size, (index + 1) * size) };
}

/** A number for each sample, or a list: of lists that are not equally long, the rest is filled up with -1. */
function truth(array: Tensor, index: number): number | number[] {
  const values = Array.from(row(array, index, []).data, Number);
  const [only = 0] = values;
  if (array.dims.length === 1) return only;
  const end = values.findLastIndex((value) => value !== -1);
  return values.slice(0, end + 1);
}
