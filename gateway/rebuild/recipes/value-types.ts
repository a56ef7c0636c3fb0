import type { RuntimeHandle, TensorSpec } from '../../../core/index.ts';
import { encodeModel, makeOutput, type ModelProto } from '../onnx/index.ts';

/** Element type and shape of every value that a node of the main graph makes, by name, and of the graph's inputs. */
export type ValueTypes = ReadonlyMap<string, TensorSpec>;

/**
 * The model with further values of its graph as outputs: their types are left for the runtime to infer.
 */
export function withOutputs(model: ModelProto, names: Iterable<string>): Uint8Array {
  const { output } = model.graph;
  const present = new Set(output.map(({ name }) => name));
  const added = [...names].filter((name) => !present.has(name));
  model.graph.output = [...output, ...added.map(makeOutput)];
  try {
    return encodeModel(model);
  } finally {
    model.graph.output = output;
  }
}

/**
 * Asks the runtime what each value is, or those that are named. It knows every operator's rules, the fused ones of its
 * own among them.
 */
export async function valueTypes(
  model: ModelProto,
  runtime: RuntimeHandle,
  names: Iterable<string> = model.graph.node.flatMap(({ output }) => output.filter((name) => name !== '')),
): Promise<ValueTypes> {
  const session = await runtime.open(withOutputs(model, names), { optimization: 'disabled' });
  try {
    return new Map([...session.inputs, ...session.outputs].map((spec) => [spec.name, spec]));
  } finally {
    await session.close();
  }
}
