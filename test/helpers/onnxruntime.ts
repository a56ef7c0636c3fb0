import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type {
  RuntimeHandle,
  Session,
  SessionOptions,
  Tensor,
  TensorData,
  TensorSpec,
  TensorType,
} from '../../core/index.ts';

/** The installed onnxruntime-node as a port, loaded straight into the test's own process. */
export const localRuntime: RuntimeHandle = { name: 'onnxruntime-node', version: '1.30.0', open, optimize };

async function open(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [options.provider ?? 'cpu'],
    intraOpNumThreads: options.threads ?? 1,
    graphOptimizationLevel: options.optimization ?? 'all',
    logSeverityLevel: 3,
  });
  return {
    inputs: session.inputMetadata.map(specOf),
    outputs: session.outputMetadata.map(specOf),
    run: async (inputs) => {
      const results = await session.run(mapValues(inputs, toOrt));
      return mapValues(results, fromOrt);
    },
    close: () => session.release(),
  };
}

async function optimize(
  model: Uint8Array,
  level: 'basic' | 'extended' | 'all',
  format: 'onnx' | 'ort' = 'onnx',
): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'floormesh-optimize-'));
  try {
    const path = join(folder, `model.${format}`);
    const session = await ort.InferenceSession.create(model, {
      graphOptimizationLevel: level,
      optimizedModelFilePath: path,
      logSeverityLevel: 3,
    });
    await session.release();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function specOf(value: ort.InferenceSession.ValueMetadata): TensorSpec {
  if (!value.isTensor) return { name: value.name, type: 'other', shape: [] };
  return { name: value.name, type: value.type, shape: [...value.shape] };
}

function toOrt(tensor: Tensor): ort.Tensor {
  return new ort.Tensor(tensor.type as 'float32', tensor.data as Float32Array, tensor.dims);
}

function fromOrt(value: ort.OnnxValue): Tensor {
  const tensor = value as ort.Tensor;
  return { type: tensor.type as TensorType, dims: [...tensor.dims], data: tensor.data as TensorData };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  const entries: [string, A][] = Object.entries(record);
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value)]));
}
