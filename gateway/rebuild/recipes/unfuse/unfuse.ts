import type { RuntimeHandle } from '../../../../core/index.ts';
import {
  allNodes,
  dropUnused,
  GraphView,
  type ModelProto,
  NameBook,
  type NodeProto,
  opsetOf,
} from '../../onnx/index.ts';
import { NodeWriter } from '../products/node-writer.ts';
import { innerScopes, Scope } from '../products/scope.ts';
import { valueTypes } from '../value-types.ts';
import { unfuseConvolution, unfuseGelu, unfuseGemm, unfuseProduct } from './activations.ts';
import { maskOf, unfuseAttention } from './attention.ts';
import { unfuseEmbedding, unfuseSimplifiedSkip, unfuseSkip } from './norms.ts';
import type { FusedPlace, UnfuseRule } from './rule.ts';

/** Operators of com.microsoft that are taken apart (github.com/microsoft/onnxruntime, docs/ContribOperators.md). */
const RULES: Readonly<Record<string, UnfuseRule>> = {
  Attention: unfuseAttention,
  BiasGelu: unfuseGelu,
  EmbedLayerNormalization: unfuseEmbedding,
  FastGelu: unfuseGelu,
  FusedConv: unfuseConvolution,
  FusedGemm: unfuseGemm,
  FusedMatMul: unfuseProduct,
  SkipLayerNormalization: unfuseSkip,
  SkipSimplifiedLayerNormalization: unfuseSimplifiedSkip,
};

/** Whether a model has operators that could be taken apart. */
export function isFused({ graph }: ModelProto): boolean {
  return [...allNodes(graph)].some((node) => ruleFor(node) !== undefined);
}

/**
 * Takes the operators apart that an optimiser put together before the model was published, in place, in subgraphs too:
 * what recipes know are products, convolutions and tables, and some of the fused operators are slower than their parts.
 * What has no such parts, or is kept, stays as it is. Constants must be initializers, nodes must have names and stand in
 * an order in which they can run.
 *
 * @returns how many operators were taken apart
 */
export async function unfuse(
  model: ModelProto,
  { keep, runtime }: { keep: (node: NodeProto) => boolean; runtime: RuntimeHandle },
): Promise<number> {
  const shapes = await maskShapes(model, runtime);
  const names = new NameBook(model.graph);
  const opset = opsetOf(model) ?? 1;
  let count = 0;
  const visit = (scope: Scope): void => {
    const writer = new NodeWriter(scope, names);
    const view = new GraphView(scope.graph);
    const place: FusedPlace = { view, opset, shapeOf: (value) => shapes.get(value) };
    scope.graph.node.forEach((node, index) => {
      innerScopes(scope, node, index).forEach(visit);
      if (!keep(node) && ruleFor(node)?.(writer, node, place) === true) count += 1;
      else scope.nodes.push(node);
    });
    scope.graph.node = scope.nodes;
  };
  visit(Scope.main(model));
  if (count > 0) dropUnused(model.graph);
  return count;
}

function ruleFor({ domain, opType }: NodeProto): UnfuseRule | undefined {
  return domain === 'com.microsoft' && Object.hasOwn(RULES, opType) ? RULES[opType] : undefined;
}

/** Shapes of the masks that attention reads, as far as the runtime can tell. */
async function maskShapes(
  model: ModelProto,
  runtime: RuntimeHandle,
): Promise<ReadonlyMap<string, readonly (number | string)[]>> {
  const masks = new Set(model.graph.node.map(maskOf).filter((name) => name !== undefined));
  if (masks.size === 0) return new Map();
  const given = new Set([...model.graph.input, ...model.graph.initializer].map(({ name }) => name));
  const types = await valueTypes(
    model,
    runtime,
    [...masks].filter((name) => !given.has(name)),
  );
  return new Map([...masks].map((name) => [name, types.get(name)?.shape ?? []]));
}
