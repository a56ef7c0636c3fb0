import type { RuntimeHandle, Sample, Tensors } from '../../../../core/index.ts';

/**
 * Whether a build gives a number for each sample wherever the original does.
 *
 * @throws {InferenceError} (inference room) when one of them cannot be run on a sample
 */
export async function staysFinite(
  original: Uint8Array,
  built: Uint8Array,
  samples: readonly Sample[],
  { runtime, signal }: { runtime: RuntimeHandle; signal: AbortSignal },
): Promise<boolean> {
  const wanted = await outputsOf(original, samples, { runtime, signal });
  const got = await outputsOf(built, samples, { runtime, signal });
  return got.every((outputs, i) =>
    Object.entries(outputs).every(([name, { data }]) => {
      const reference = wanted[i]?.[name]?.data;
      for (let at = 0; at < data.length; at += 1)
        if (isLost(data[at]) && !isLost(reference?.[at])) return false;
      return true;
    }),
  );
}

function isLost(value: number | bigint | undefined): boolean {
  return typeof value === 'number' && !Number.isFinite(value);
}

async function outputsOf(
  model: Uint8Array,
  samples: readonly Sample[],
  { runtime, signal }: { runtime: RuntimeHandle; signal: AbortSignal },
): Promise<Tensors[]> {
  const session = await runtime.open(model, { threads: 1 });
  try {
    const outputs: Tensors[] = [];
    for (const { inputs } of samples) {
      signal.throwIfAborted();
      outputs.push(await session.run(inputs));
    }
    return outputs;
  } finally {
    await session.close();
  }
}
