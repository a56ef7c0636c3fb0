import type { RuntimeHandle } from '../../../core/index.ts';
import {
  allGraphs,
  allNodes,
  attributeOf,
  decodeModel,
  dropUnused,
  encodeModel,
  float32Tensor,
  int64Tensor,
  isStandard,
  type ModelProto,
  NameBook,
  type NodeProto,
  sameDomain,
  sortTopologically,
  type TensorProto,
} from '../onnx/index.ts';
import { keepsFloat } from './keep-float.ts';
import type { RecipeContext } from './recipe.ts';
import { isFused, unfuse } from './unfuse/unfuse.ts';
import { isQuantised, unquantise } from './unquantise/unquantise.ts';
import { widenHalves } from './widen.ts';

/** The oldest IR version that has all operator sets up to 15. */
const LOWEST_IR_VERSION = 8n;

/**
 * The model as every quantising recipe wants it: each node with a name, constants folded by the runtime where it can,
 * all constants as initializers, float16 and 8-bit levels computed with as float32, fused operators in their parts, no
 * import of an operator set that nothing uses. A node without a name is called after its operator and its place, `Conv_3`, so that a card can name it.
 * Nodes come in an order in which they can run.
 *
 * @param options.halves whether float16 stays what it is
 * @throws {ModelNotOnnxError} @throws {ModelExternalDataError}
 */
export async function prepare(
  context: RecipeContext,
  { halves = false }: { halves?: boolean } = {},
): Promise<ModelProto> {
  const { source, card, runtime, signal } = context;
  signal.throwIfAborted();
  let model = decodeModel(await source.bytes());
  for (const graph of allGraphs(model.graph)) sortTopologically(graph);
  nameNodes(model);
  fixConstants(model, new Set(card.inputs.map(({ name }) => name)));
  if (!halves) widenHalves(model);
  if (isQuantised(model)) {
    constantsToInitializers(model);
    unquantise(model);
  }
  await takeApart(model, { keep: (node) => keepsFloat(card.rebuild.keepFloat, node), runtime });
  if (runtime.optimize !== undefined)
    model = decodeModel(await runtime.optimize(encodeModel(model), 'basic'));
  signal.throwIfAborted();
  nameNodes(model);
  constantsToInitializers(model);
  dropUnused(model.graph);
  pruneImports(model);
  return model;
}

/**
 * Takes fused operators apart, where there are any.
 *
 * @returns how many there were
 */
export async function takeApart(
  model: ModelProto,
  how: { keep: (node: NodeProto) => boolean; runtime: RuntimeHandle },
): Promise<number> {
  if (!isFused(model)) return 0;
  for (const graph of allGraphs(model.graph)) sortTopologically(graph);
  nameNodes(model);
  constantsToInitializers(model);
  return unfuse(model, how);
}

export function nameNodes(model: ModelProto): void {
  const names = new NameBook(model.graph);
  for (const { node: nodes } of allGraphs(model.graph))
    nodes.forEach((node, index) => {
      if (node.name === '') node.name = names.take(`${node.opType}_${index}`);
    });
}

/** Old exporters list weights as inputs too, which keeps a runtime from folding them. */
export function fixConstants(model: ModelProto, wanted: ReadonlySet<string>): void {
  const constants = new Set(model.graph.initializer.map(({ name }) => name));
  model.graph.input = model.graph.input.filter(({ name }) => wanted.has(name) || !constants.has(name));
  if (model.irVersion < LOWEST_IR_VERSION) model.irVersion = LOWEST_IR_VERSION;
}

function constantsToInitializers(model: ModelProto): void {
  for (const graph of allGraphs(model.graph))
    graph.node = graph.node.filter((node) => {
      const tensor = isStandard(node, 'Constant') ? constantTensor(node) : undefined;
      const isOutput = graph.output.some(({ name }) => name === node.output[0]);
      if (tensor === undefined || isOutput) return true;
      graph.initializer.push(tensor);
      return false;
    });
}

function constantTensor(node: NodeProto): TensorProto | undefined {
  const name = node.output[0] ?? '';
  const value = attributeOf(node, 'value')?.t;
  if (value !== undefined) return { ...value, name };
  const float = attributeOf(node, 'value_float');
  if (float !== undefined) return float32Tensor(name, [float.f], []);
  const floats = attributeOf(node, 'value_floats');
  if (floats !== undefined) return float32Tensor(name, floats.floats, [floats.floats.length]);
  const int = attributeOf(node, 'value_int');
  if (int !== undefined) return int64Tensor(name, [int.i], []);
  const ints = attributeOf(node, 'value_ints');
  return ints === undefined ? undefined : int64Tensor(name, ints.ints);
}

function pruneImports(model: ModelProto): void {
  const used = new Set(['']);
  for (const node of allNodes(model.graph)) used.add(node.domain);
  for (const each of model.functions) for (const node of each.node) used.add(node.domain);
  model.opsetImport = model.opsetImport.filter(({ domain }) =>
    [...used].some((name) => sameDomain(name, domain)),
  );
}
