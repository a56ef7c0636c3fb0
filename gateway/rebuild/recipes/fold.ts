import {
  dropUnused,
  float32Tensor,
  floatAttribute,
  type GraphProto,
  GraphView,
  intAttribute,
  isFloat32,
  isStandard,
  makeNode,
  type ModelProto,
  NameBook,
  type NodeProto,
  opsetOf,
  type TensorProto,
} from '../onnx/index.ts';
import { floatsOf, perChannel, scalarOf, splitBinary, withFloats } from './constants.ts';

/** More rounds than any chain of foldable nodes after one convolution has been seen to need. */
const MAX_ROUNDS = 20;

/**
 * Takes work out of a graph in ways that a runtime's own folding leaves: factors, sums and normalisations after a
 * convolution go into its weights, a division by a constant becomes a product, and the three-node form of the hard
 * sigmoid becomes one node. What the graph computes stays the same up to rounding. `keep` says which nodes to leave.
 */
export function foldAffine(model: ModelProto, keep: (node: NodeProto) => boolean): void {
  const { graph } = model;
  const names = new NameBook(graph);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const view = new GraphView(graph);
    const touched = new Set<NodeProto>();
    const fold: Fold = { graph, view, names, touched, clipHasInputs: (opsetOf(model) ?? 1) >= 11 };
    for (const node of graph.node) {
      if (keep(node) || touched.has(node)) continue;
      divisionToProduct(fold, node);
      hardSigmoid(fold, node);
      intoConvolution(fold, node, keep);
    }
    if (touched.size === 0) return;
    dropUnused(graph);
  }
}

/** One round over a graph. A node that one rule changed is left to the next round. */
interface Fold {
  graph: GraphProto;
  view: GraphView;
  names: NameBook;
  touched: Set<NodeProto>;
  clipHasInputs: boolean;
}

function divisionToProduct({ graph, view, names, touched }: Fold, node: NodeProto): void {
  const divisor = isStandard(node, 'Div') ? view.constant(node.input[1]) : undefined;
  if (divisor === undefined || !isFloat32(divisor)) return;
  const values = floatsOf(divisor);
  if (values.some((value) => !Number.isFinite(1 / value))) return;
  const inverse = withFloats(
    divisor,
    names.take(`${divisor.name}_inverse`),
    values.map((value) => 1 / value),
  );
  graph.initializer.push(inverse);
  node.opType = 'Mul';
  node.input = [node.input[0] ?? '', inverse.name];
  touched.add(node);
}

/** Clip(x + 3, 0, 6) is 6 · HardSigmoid(x; 1/6, 1/2): MobileNetV3 as most exporters write it. */
function hardSigmoid(fold: Fold, node: NodeProto): void {
  const { graph, view, names, touched, clipHasInputs } = fold;
  if (!isStandard(node, 'Clip')) return;
  const bound = (index: number, name: string): number | undefined =>
    clipHasInputs ? scalarOf(view.constant(node.input[index])) : floatAttribute(node, name, Number.NaN);
  if (bound(1, 'min') !== 0 || bound(2, 'max') !== 6) return;
  const sum = view.producer(node.input[0] ?? '');
  if (sum === undefined || touched.has(sum) || !isStandard(sum, 'Add')) return;
  const split = splitBinary(view, sum);
  if (split === undefined || scalarOf(split.constant) !== 3 || split.constant.dims.length > 1) return;
  const gate = names.take(`${node.output[0]}_gate`);
  const six = float32Tensor(names.take(`${node.name}_six`), [6], []);
  graph.initializer.push(six);
  const sigmoid = makeNode({
    opType: 'HardSigmoid',
    name: names.take(`${node.name}_gate`),
    input: [split.variable],
    output: [gate],
    attributes: { alpha: { float: 1 / 6 }, beta: { float: 0.5 } },
  });
  graph.node.splice(graph.node.indexOf(node), 0, sigmoid);
  node.opType = 'Mul';
  node.attribute = [];
  node.input = [gate, six.name];
  touched.add(node).add(sigmoid);
}

/** Mul, Add or BatchNormalization after a convolution whose result nothing else reads. */
function intoConvolution(fold: Fold, node: NodeProto, keep: (node: NodeProto) => boolean): void {
  const { view, touched } = fold;
  const affine = affineOf(fold, node);
  if (affine === undefined) return;
  const convolution = view.producer(affine.variable);
  if (convolution === undefined || touched.has(convolution) || keep(convolution)) return;
  if (view.onlyConsumer(affine.variable) !== node) return;
  const target = convolutionOf(fold, convolution);
  const terms = target && affine.terms(target.channels, target.weight.dims.length);
  if (target === undefined || terms === undefined) return;
  scaleConvolution(fold, convolution, target, terms);
  convolution.output = [node.output[0] ?? ''];
  node.output = [];
  touched.add(node).add(convolution);
}

/** y = factor · x + shift, for each channel. */
interface Terms {
  factor: Float64Array;
  shift: Float64Array;
}

interface Affine {
  variable: string;
  terms: (channels: number, rank: number) => Terms | undefined;
}

function affineOf({ view }: Fold, node: NodeProto): Affine | undefined {
  if (isStandard(node, 'BatchNormalization')) return normalisationOf(view, node);
  if (!isStandard(node, 'Mul', 'Add')) return undefined;
  const split = splitBinary(view, node);
  if (split === undefined) return undefined;
  return {
    variable: split.variable,
    terms: (channels, rank) => {
      const values = perChannel(split.constant, channels, rank);
      if (values === undefined) return undefined;
      return node.opType === 'Mul'
        ? { factor: Float64Array.from(values), shift: new Float64Array(channels) }
        : { factor: new Float64Array(channels).fill(1), shift: Float64Array.from(values) };
    },
  };
}

function normalisationOf(view: GraphView, node: NodeProto): Affine | undefined {
  const [variable = '', ...names] = node.input;
  const constants = names.map((name) => view.constant(name));
  const [scale, bias, mean, variance] = constants.map((each) => each && isFloat32(each) && floatsOf(each));
  if (!scale || !bias || !mean || !variance || node.output.filter((name) => name !== '').length > 1)
    return undefined;
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const factor = Float64Array.from(scale, (value, i) => value / Math.sqrt((variance[i] ?? 0) + epsilon));
  const shift = Float64Array.from(bias, (value, i) => value - (mean[i] ?? 0) * (factor[i] ?? 0));
  return { variable, terms: (channels) => (factor.length === channels ? { factor, shift } : undefined) };
}

interface Target {
  weight: TensorProto;
  bias: TensorProto | undefined;
  channels: number;
  /** The axis of the weights that counts the output's channels. */
  axis: 0 | 1;
}

function convolutionOf({ view }: Fold, node: NodeProto): Target | undefined {
  if (!isStandard(node, 'Conv', 'ConvTranspose')) return undefined;
  const axis = node.opType === 'Conv' ? 0 : 1;
  const weight = view.constant(node.input[1]);
  const bias = view.constant(node.input[2]);
  const hasBias = (node.input[2] ?? '') !== '';
  if (weight === undefined || !isFloat32(weight) || (hasBias && bias === undefined)) return undefined;
  if (axis === 1 && intAttribute(node, 'group', 1) !== 1) return undefined;
  return { weight, bias, channels: Number(weight.dims[axis]), axis };
}

function scaleConvolution({ graph, names }: Fold, node: NodeProto, target: Target, terms: Terms): void {
  const { weight, bias, channels, axis } = target;
  const values = floatsOf(weight);
  const inner = weight.dims.slice(axis + 1).reduce((product, dim) => product * Number(dim), 1);
  const scaled = values.map((value, i) => value * (terms.factor[Math.floor(i / inner) % channels] ?? 1));
  const old = bias === undefined ? new Float32Array(channels) : floatsOf(bias);
  const shifted = old.map((value, c) => value * (terms.factor[c] ?? 1) + (terms.shift[c] ?? 0));
  const newWeight = withFloats(weight, names.take(`${node.name}_weight`), scaled);
  const newBias = float32Tensor(names.take(`${node.name}_bias`), shifted, [channels]);
  graph.initializer.push(newWeight, newBias);
  node.input = [node.input[0] ?? '', newWeight.name, newBias.name];
}
