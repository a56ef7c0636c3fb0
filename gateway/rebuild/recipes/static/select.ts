import {
  type GraphProto,
  GraphView,
  intAttribute,
  isFloat32,
  isStandard,
  type ModelProto,
  type NodeProto,
  stringAttribute,
} from '../../onnx/index.ts';
import type { ValueTypes } from '../value-types.ts';

/**
 * What becomes of each node. `weighted` nodes are what pays; `carried` ones stand between them and stay in 8 bits so
 * that nothing has to be converted back and forth; the others stay in fp32.
 */
export interface Selection {
  weighted: ReadonlySet<NodeProto>;
  carried: ReadonlySet<NodeProto>;
}

/** Operators that only move values about: they work on the 8-bit values as they are. */
export const MOVERS = [
  'DepthToSpace',
  'Flatten',
  'Identity',
  'MaxPool',
  'Reshape',
  'Resize',
  'Slice',
  'SpaceToDepth',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
];
/** Operators that limit values: the rounding to 8 bits does that for nothing. */
export const LIMITERS = ['Relu', 'Clip'];
const UNARY = ['AveragePool', 'GlobalAveragePool', 'HardSigmoid', 'LeakyRelu', 'Sigmoid', ...LIMITERS];
const JOINERS = ['Add', 'Mul', 'Concat'];

/**
 * A convolution over the whole input with fewer input times output channels gains nothing: gathering its input byte by
 * byte takes as long as the products. A first layer of 1 x 32 channels in fp32 made a small model a seventh faster.
 */
const THIN = 64;

/** Chooses the nodes to run in 8 bits. `keep` says which may not be. */
export function select(model: ModelProto, types: ValueTypes, keep: (node: NodeProto) => boolean): Selection {
  const { graph } = model;
  const view = new GraphView(graph);
  const weighted = new Set(graph.node.filter((node) => !keep(node) && isWeighted(view, node, types)));
  const carried = new Set(
    graph.node.filter((node) => !keep(node) && !weighted.has(node) && isCarrier(view, node, types)),
  );
  while (dropLonely(graph, view, weighted, carried));
  const thin = new Set([...weighted].filter((node) => isThinBeginning(view, node, weighted, carried)));
  return thin.size === 0
    ? { weighted, carried }
    : select(model, types, (node) => keep(node) || thin.has(node));
}

/** Whether a node is a thin convolution whose input is not there in 8 bits. */
function isThinBeginning(
  view: GraphView,
  node: NodeProto,
  weighted: ReadonlySet<NodeProto>,
  carried: ReadonlySet<NodeProto>,
): boolean {
  if (node.opType !== 'Conv' || intAttribute(node, 'group', 1) !== 1) return false;
  const maker = view.producer(node.input[0] ?? '');
  if (maker !== undefined && (weighted.has(maker) || carried.has(maker))) return false;
  const [outputs = 1n, inputs = 1n, ...kernel] = view.constant(node.input[1])?.dims ?? [];
  return outputs * inputs < THIN && kernel.some((size) => size > 1n);
}

function isWeighted(view: GraphView, node: NodeProto, types: ValueTypes): boolean {
  if (!isStandard(node, 'Conv', 'MatMul', 'Gemm')) return false;
  const weight = view.constant(node.input[1]);
  if (weight === undefined || !isFloat32(weight) || view.constant(node.input[0]) !== undefined) return false;
  if (!isFloat(types, node.input[0])) return false;
  if (node.opType === 'MatMul') return weight.dims.length === 2;
  const bias = node.input[2] ?? '';
  const constant = view.constant(bias);
  if (bias !== '' && (constant === undefined || !isFloat32(constant))) return false;
  if (node.opType === 'Conv') return true;
  const columns = weight.dims[intAttribute(node, 'transB', 0) === 1 ? 0 : 1] ?? 0n;
  const biasSize = constant?.dims.reduce((product, dim) => product * dim, 1n) ?? 1n;
  const fits = biasSize === 1n || (biasSize === columns && constant?.dims.at(-1) === columns);
  return intAttribute(node, 'transA', 0) === 0 && fits;
}

function isCarrier(view: GraphView, node: NodeProto, types: ValueTypes): boolean {
  const output = node.output[0] ?? '';
  const others = node.output.slice(1).filter((name) => name !== '');
  if (!isFloat(types, output) || others.length > 0) return false;
  if (isStandard(node, ...MOVERS)) return isMover(node);
  if (isStandard(node, 'Clip'))
    return node.input.slice(1).every((name) => name === '' || view.constant(name) !== undefined);
  if (isStandard(node, ...UNARY)) return true;
  if (!isStandard(node, ...JOINERS)) return false;
  return node.input.some((name) => view.constant(name) === undefined);
}

/** Whether a node of `MOVERS` moves values without computing new ones, as it is set. */
export function isMover(node: NodeProto): boolean {
  return node.opType !== 'Resize' || stringAttribute(node, 'mode', 'nearest') === 'nearest';
}

/** Whether a node's first inputs are data, the rest being shapes, axes or bounds. */
export function dataInputs(view: GraphView, node: NodeProto): string[] {
  const inputs = isStandard(node, ...JOINERS) ? node.input : node.input.slice(0, 1);
  return inputs.filter((name) => name !== '' && view.constant(name) === undefined);
}

/** Takes out carriers that nothing in 8 bits feeds or reads. True when there was one: the next look may find more. */
function dropLonely(
  graph: GraphProto,
  view: GraphView,
  weighted: ReadonlySet<NodeProto>,
  carried: Set<NodeProto>,
): boolean {
  const before = carried.size;
  for (const node of graph.node) {
    if (!carried.has(node)) continue;
    const fed = dataInputs(view, node).every((name) => {
      const maker = view.producer(name);
      return maker !== undefined && (carried.has(maker) || (weighted.has(maker) && maker.opType === 'Conv'));
    });
    const read = view
      .uses(node.output[0] ?? '')
      .some((use) => use.index >= 0 && (carried.has(use.node) || weighted.has(use.node)));
    if (!fed || !(read || isStandard(node, ...LIMITERS))) carried.delete(node);
  }
  return carried.size < before;
}

function isFloat(types: ValueTypes, name: string | undefined): boolean {
  return name !== undefined && types.get(name)?.type === 'float32';
}
