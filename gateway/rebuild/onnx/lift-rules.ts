import { LiftError } from '../errors.ts';
import {
  attributeOf,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  removeAttributes,
  setAttribute,
  stringAttribute,
} from './attributes.ts';
import type { NameBook } from './graph.ts';
import { makeNode } from './make.ts';
import { float32Tensor, int64Tensor } from './tensors.ts';
import type { GraphProto, NodeProto, TensorProto } from './types.ts';

/** What a rule may look at and change: the node, and the graph that it stands in. */
export interface LiftScope {
  graph: GraphProto;
  names: NameBook;
  /** The number of dimensions of a value, where somebody knows it. */
  rankOf: (value: string) => number | undefined;
  /** Names that something reads. */
  read: ReadonlySet<string>;
}

/** Rewrites one node in place. What it returns replaces the node; nothing means the node itself. */
export type LiftRule = (node: NodeProto, scope: LiftScope) => NodeProto[] | undefined;

/** A rule, and the operator set that brought the change. */
export interface LiftStep {
  since: number;
  rule: LiftRule;
}

/**
 * What changed meaning between operator sets 7 and 13, by operator: one step for each change. Resize and Upsample have
 * the form of set 11 afterwards.
 */
export const RULES_TO_13: Readonly<Record<string, LiftStep>> = {
  BatchNormalization: { since: 9, rule: batchNormalization },
  Clip: { since: 11, rule: clip },
  Dropout: { since: 12, rule: dropout },
  Hardmax: { since: 13, rule: coerced },
  LogSoftmax: { since: 13, rule: coerced },
  Pad: { since: 11, rule: pad },
  ReduceSum: { since: 13, rule: axesToInput },
  Resize: { since: 11, rule: resize },
  Scan: { since: 9, rule: (node) => refuse(node, 'its inputs were reordered in operator set 9') },
  Scatter: { since: 11, rule: (node) => void (node.opType = 'ScatterElements') },
  Slice: { since: 10, rule: slice },
  Softmax: { since: 13, rule: coerced },
  Split: { since: 13, rule: (node, scope) => listToInput(node, scope, 'split') },
  Squeeze: { since: 13, rule: axesToInput },
  TopK: { since: 10, rule: topK },
  Unsqueeze: { since: 13, rule: axesToInput },
  Upsample: { since: 11, rule: upsample },
};

/** Operators that were an experiment before operator set 9 and then ceased. */
export const ENDED_OPERATORS: ReadonlySet<string> = new Set(
  'ATen Affine ConstantFill Crop DynamicSlice GRUUnit GivenTensorFill ImageScaler ParametricSoftplus Scale ScaledTanh'.split(
    ' ',
  ),
);

export function refuse(node: NodeProto, why: string): never {
  throw new LiftError(`${node.opType} node ${node.name}: ${why}`);
}

export function addConstant({ graph }: LiftScope, tensor: TensorProto): string {
  graph.initializer.push(tensor);
  return tensor.name;
}

/** Puts a constant in as input `index`; inputs left out before it are empty names. */
export function setInput(node: NodeProto, index: number, name: string): void {
  while (node.input.length <= index) node.input.push('');
  node.input[index] = name;
}

function listToInput(node: NodeProto, scope: LiftScope, name: string): undefined {
  const values = intsAttribute(node, name);
  removeAttributes(node, name);
  if (values === undefined) return;
  setInput(node, 1, addConstant(scope, int64Tensor(scope.names.take(`${node.name}_${name}`), values)));
}

export function axesToInput(node: NodeProto, scope: LiftScope): undefined {
  return listToInput(node, scope, 'axes');
}

function batchNormalization(node: NodeProto): undefined {
  if (intAttribute(node, 'spatial', 1) === 0)
    refuse(node, 'it normalises every position by itself (spatial 0)');
  removeAttributes(node, 'spatial');
}

function clip(node: NodeProto, scope: LiftScope): undefined {
  const bounds = ['min', 'max'] as const;
  for (const [index, name] of bounds.entries()) {
    if (attributeOf(node, name) === undefined) continue;
    const value = floatAttribute(node, name, 0);
    const constant = float32Tensor(scope.names.take(`${node.name}_${name}`), [value], []);
    setInput(node, index + 1, addConstant(scope, constant));
  }
  removeAttributes(node, ...bounds);
}

/** When a model runs, rather than learns, a dropout passes everything. */
function dropout(node: NodeProto, { read }: LiftScope): undefined {
  const mask = node.output[1] ?? '';
  if (mask !== '' && read.has(mask)) refuse(node, 'something reads its mask');
  node.opType = 'Identity';
  node.attribute = [];
  node.output = node.output.slice(0, 1);
}

/**
 * Up to operator set 12 these worked on a matrix: all axes before `axis` as rows, the rest as columns. At the last axis
 * that is what they do now; elsewhere the matrix is made explicitly.
 */
function coerced(node: NodeProto, scope: LiftScope): NodeProto[] | undefined {
  const [input = '', output = ''] = [node.input[0], node.output[0]];
  const axis = intAttribute(node, 'axis', 1);
  const rank = scope.rankOf(input);
  if (axis === -1 || (rank !== undefined && axis === rank - 1)) {
    setAttribute(node, 'axis', -1);
    return undefined;
  }
  const name = (what: string): string => scope.names.take(`${node.name}_${what}`);
  const [matrix, result, shape] = [name('matrix'), name('result'), name('shape')];
  setAttribute(node, 'axis', -1);
  node.input = [matrix];
  node.output = [result];
  return [
    makeNode({
      opType: 'Flatten',
      name: name('flatten'),
      input: [input],
      output: [matrix],
      attributes: { axis },
    }),
    node,
    makeNode({ opType: 'Shape', name: name('shape_of'), input: [input], output: [shape] }),
    makeNode({ opType: 'Reshape', name: name('reshape'), input: [result, shape], output: [output] }),
  ];
}

function pad(node: NodeProto, scope: LiftScope): undefined {
  const pads = intsAttribute(node, 'pads') ?? intsAttribute(node, 'paddings');
  if (pads === undefined) refuse(node, 'it has no pads');
  const value = floatAttribute(node, 'value', 0);
  setInput(node, 1, addConstant(scope, int64Tensor(scope.names.take(`${node.name}_pads`), pads)));
  if (value !== 0)
    setInput(node, 2, addConstant(scope, float32Tensor(scope.names.take(`${node.name}_value`), [value], [])));
  removeAttributes(node, 'pads', 'paddings', 'value');
}

function slice(node: NodeProto, scope: LiftScope): undefined {
  const starts = intsAttribute(node, 'starts');
  const ends = intsAttribute(node, 'ends');
  if (starts === undefined || ends === undefined) refuse(node, 'it has no starts or no ends');
  const axes = intsAttribute(node, 'axes') ?? starts.map((_, index) => index);
  for (const [index, values] of [starts, ends, axes].entries())
    setInput(
      node,
      index + 1,
      addConstant(scope, int64Tensor(scope.names.take(`${node.name}_slice`), values)),
    );
  removeAttributes(node, 'starts', 'ends', 'axes');
}

function topK(node: NodeProto, scope: LiftScope): undefined {
  const k = intAttribute(node, 'k', 0);
  if (k < 1) refuse(node, 'it has no k');
  setInput(node, 1, addConstant(scope, int64Tensor(scope.names.take(`${node.name}_k`), [k])));
  removeAttributes(node, 'k');
}

/** Operator set 10's Resize: coordinates as Upsample had them. */
function resize(node: NodeProto): undefined {
  const [input = '', scales = ''] = node.input;
  node.input = [input, '', scales];
  setCoordinates(node);
}

/** Operator set 7 has the factors as an attribute, 9 as an input. */
function upsample(node: NodeProto, scope: LiftScope): undefined {
  const factors = floatsAttribute(node, 'scales');
  const name =
    factors === undefined
      ? (node.input[1] ?? '')
      : addConstant(scope, float32Tensor(scope.names.take(`${node.name}_scales`), factors, [factors.length]));
  if (name === '') refuse(node, 'it has no scales');
  node.opType = 'Resize';
  node.input = [node.input[0] ?? '', '', name];
  removeAttributes(node, 'scales');
  setCoordinates(node);
}

function setCoordinates(node: NodeProto): void {
  const mode = stringAttribute(node, 'mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear') refuse(node, `its mode is ${mode.slice(0, 40)}`);
  setAttribute(node, 'coordinate_transformation_mode', 'asymmetric');
  if (mode === 'nearest') setAttribute(node, 'nearest_mode', 'floor');
}
