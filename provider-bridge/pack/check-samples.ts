import { readFile } from 'node:fs/promises';
import {
  decodeSamples,
  InvalidCardError,
  type ModelCard,
  type Sample,
  type Tensor,
  type TensorSpec,
} from '../../core/index.ts';

/**
 * Samples that the model would not take are said to whoever packs it, not to the sites that rebuild it.
 *
 * @param name what the file is called in the card
 * @throws {InvalidCardError} naming the file, the sample and the input
 */
export async function checkSamples(file: string, name: string, card: ModelCard): Promise<void> {
  const samples = await readSamples(file, name);
  for (const [i, { inputs }] of samples.entries()) {
    const problem = problemOf(inputs, card.inputs);
    if (problem !== undefined) throw new InvalidCardError(`${name}, sample ${i}: ${problem}`);
  }
}

async function readSamples(file: string, name: string): Promise<readonly Sample[]> {
  const bytes = await readFile(file);
  try {
    return decodeSamples(bytes).samples;
  } catch (cause) {
    throw new InvalidCardError(`${name} is no sample set`, { cause });
  }
}

function problemOf(inputs: Sample['inputs'], specs: readonly TensorSpec[]): string | undefined {
  for (const spec of specs) {
    const tensor = inputs[spec.name];
    if (tensor === undefined) return `the input ${spec.name} is missing`;
    if (tensor.type !== spec.type)
      return `the input ${spec.name} is ${tensor.type}, the card says ${spec.type}`;
    if (!fits(tensor, spec))
      return `the input ${spec.name} is [${tensor.dims.join(', ')}], the card says [${spec.shape.join(', ')}]`;
  }
  return undefined;
}

function fits({ dims }: Tensor, { shape }: TensorSpec): boolean {
  return (
    dims.length === shape.length &&
    dims.every((size, axis) => typeof shape[axis] !== 'number' || shape[axis] === size)
  );
}
