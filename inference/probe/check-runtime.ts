import type { RuntimeHandle, Tensors } from '../../core/index.ts';
import { RuntimeInvalidError } from '../errors.ts';
import { expectedOutputs } from './expectation.ts';
import { probeInputs, probeModel } from './probe-model.ts';

/** Graphics processors may round products; a processor gives whole numbers exactly. */
const RELATIVE_TOLERANCE = 1e-3;

/**
 * Runs the probe model and compares every element with what it must be.
 *
 * @throws {ModelInvalidError} @throws {InferenceError} when it does not run
 * @throws {RuntimeInvalidError} when it gives a wrong result
 */
export async function checkRuntime(runtime: RuntimeHandle, provider: string): Promise<void> {
  const session = await runtime.open(probeModel(), { provider });
  try {
    compare(await session.run(probeInputs()), runtime.name);
  } finally {
    await session.close();
  }
}

function compare(outputs: Tensors, runtime: string): void {
  for (const [name, expected] of Object.entries(expectedOutputs())) {
    const got = outputs[name];
    if (got === undefined || got.data.length !== expected.length)
      throw new RuntimeInvalidError(`${runtime} gives no whole output ${name} of the probe model`);
    const wrong = expected.findIndex((value, i) => !isNear(Number(got.data[i]), value));
    if (wrong !== -1)
      throw new RuntimeInvalidError(
        `${runtime} computes wrongly: ${name}[${wrong}] is ${got.data[wrong]}, not ${expected[wrong]}`,
      );
  }
}

function isNear(got: number, expected: number): boolean {
  return Math.abs(got - expected) <= RELATIVE_TOLERANCE * Math.max(1, Math.abs(expected));
}
