import { fileURLToPath } from 'node:url';
import { type RuntimeHandle, scoreSet, type Tensors } from '../../core/index.ts';
import { loadRuntime } from '../../inference/index.ts';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/** onnxruntime-node as floormesh itself loads it, in this process. */
export function loadNative(): Promise<RuntimeHandle> {
  return loadRuntime(MODULES, {
    name: 'onnxruntime-node',
    version: '1.30.0',
    entry: 'onnxruntime-node/dist/index.js',
  });
}

/** onnxruntime-web as floormesh itself loads it, in this process. */
export function loadWeb(): Promise<RuntimeHandle> {
  return loadRuntime(MODULES, {
    name: 'onnxruntime-web',
    version: '1.30.0',
    entry: 'onnxruntime-web/dist/ort.node.min.mjs',
  });
}

/** Opens a model, runs it once, and closes it. */
export async function runOnce(runtime: RuntimeHandle, model: Uint8Array, inputs: Tensors): Promise<Tensors> {
  const session = await runtime.open(model);
  try {
    return await session.run(inputs);
  } finally {
    await session.close();
  }
}

/** How much two results point the same way, 0 to 1. */
export function likeness(a: Tensors, b: Tensors, output = 'y'): number {
  return scoreSet({ kind: 'cosine', output }, [a], [], [b]);
}
