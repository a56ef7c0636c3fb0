import { fromBinary } from '@bufbuild/protobuf';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuntimeHandle, Tensor, Tensors } from '../../core/index.ts';
import {
  DATA_TYPE,
  decodeModel,
  encodeModel,
  float32Tensor,
  makeNode,
  makeValueInfo,
  readTensor,
  type TensorProto,
  typeName,
  type ValueInfoProto,
  writeTensor,
} from '../../gateway/rebuild/onnx/index.ts';
import { schemaOf } from '../../gateway/rebuild/onnx/schema.ts';
import { runOnce } from './loaded-runtimes.ts';
import { noise, noiseTensor } from './onnx-graphs.ts';

/** Where Debian's libonnx-testdata has the operator conformance models of the ONNX project. */
const FOLDER = '/usr/share/libonnx-testdata/data';

/** One model of the set. */
export interface ConformanceModel {
  /** `node/test_add`. */
  name: string;
  /** With its inputs and the outputs that it must give. */
  dataFolder: string;
  bytes: Uint8Array;
}

/** A model that can be run, with what it is given and what it must answer. */
export interface ConformanceCase {
  name: string;
  model: Uint8Array;
  inputs: Tensors;
  outputs: Tensors;
}

export function hasConformanceModels(): boolean {
  return existsSync(FOLDER);
}

/** All models, in the order of their names. */
export async function conformanceModels(): Promise<ConformanceModel[]> {
  const models: ConformanceModel[] = [];
  for (const group of (await readdir(FOLDER)).sort())
    for (const name of (await readdir(join(FOLDER, group))).sort()) {
      const folder = join(FOLDER, group, name);
      const path = join(folder, 'model.onnx');
      if (!existsSync(path)) continue;
      const dataFolder = join(folder, 'test_data_set_0');
      models.push({ name: `${group}/${name}`, dataFolder, bytes: await readFile(path) });
    }
  return models;
}

/** The model with its data; or, where it takes or gives what an app has no tensors for, what that is. */
export async function conformanceCase(model: ConformanceModel): Promise<ConformanceCase | string> {
  const { graph } = decodeModel(model.bytes);
  const files = await readdir(model.dataFolder);
  const count = (kind: string): number => files.filter((file) => file.startsWith(kind)).length;
  const [given, wanted] = [graph.input.slice(0, count('input')), graph.output.slice(0, count('output'))];
  const values = [...given, ...wanted];
  if (values.some(({ type }) => type?.value.case !== 'tensorType')) return 'sequences or optional values';
  if (values.some((value) => typeName(elementType(value)) === undefined)) return 'texts or bfloat16';
  const inputs = await tensorsOf(model, 'input', given);
  const outputs = await tensorsOf(model, 'output', wanted);
  return { name: model.name, model: model.bytes, inputs, outputs };
}

/**
 * The same model with all inputs but the first as constants, so that recipes find weights: most of these models are
 * given theirs. Undefined where the first input is the only one.
 */
export function withConstants(from: ConformanceCase): ConformanceCase | undefined {
  const [first, ...others] = Object.entries(from.inputs);
  if (first === undefined || others.length === 0) return undefined;
  const model = decodeModel(from.model);
  const { graph } = model;
  const names = new Set(others.map(([name]) => name));
  graph.initializer.push(...others.map(([name, tensor]) => writeTensor(name, tensor)));
  graph.input = graph.input.filter(({ name }) => !names.has(name));
  const name = `${from.name} with constants`;
  return { ...from, name, model: encodeModel(model), inputs: Object.fromEntries([first]) };
}

/** The output of the layer that `besideLayer` adds. */
export const LAYER_OUTPUT = 'layer_out';

/**
 * The same model with a dense layer beside it that shares nothing with it. A recipe that rewrites the layer must find
 * its way through all the rest of the graph, whatever its operators are.
 *
 * @param width of the layer: how many values it takes and gives
 */
export async function besideLayer(
  from: ConformanceCase,
  runtime: RuntimeHandle,
  width: number,
): Promise<ConformanceCase> {
  const model = decodeModel(from.model);
  const { graph } = model;
  const weights = noise(width * width, 5).map((value) => value / Math.sqrt(width));
  graph.initializer.push(float32Tensor('layer_weights', weights, [width, width]));
  graph.input.push(makeValueInfo('layer_in', DATA_TYPE.float32, [1, width]));
  graph.output.push(makeValueInfo(LAYER_OUTPUT, DATA_TYPE.float32, [1, width]));
  const input = ['layer_in', 'layer_weights'];
  graph.node.push(makeNode({ opType: 'MatMul', name: 'layer', input, output: [LAYER_OUTPUT] }));
  const inputs = { ...from.inputs, layer_in: noiseTensor([1, width], 6) };
  const bytes = encodeModel(model);
  const outputs = await runOnce(runtime, bytes, inputs);
  return { name: `${from.name} beside a layer`, model: bytes, inputs, outputs };
}

async function tensorsOf(
  { dataFolder }: ConformanceModel,
  kind: 'input' | 'output',
  values: readonly ValueInfoProto[],
): Promise<Tensors> {
  const entries = values.map(async ({ name }, i): Promise<[string, Tensor]> => {
    const bytes = await readFile(join(dataFolder, `${kind}_${i}.pb`));
    const tensor = fromBinary(schemaOf('TensorProto'), bytes) as unknown as TensorProto;
    return [name, readTensor(tensor)];
  });
  return Object.fromEntries(await Promise.all(entries));
}

function elementType({ type }: ValueInfoProto): number {
  return type?.value.case === 'tensorType' ? type.value.value.elemType : 0;
}
