import {
  float32Tensor,
  GraphView,
  intAttribute,
  isFloat32,
  isStandard,
  type ModelProto,
  NameBook,
  type NodeProto,
  type TensorProto,
} from '../../onnx/index.ts';
import { floatsOf, withFloats } from '../constants.ts';

/** What gives s · f(x) for s · x, if s is positive. */
const HOMOGENEOUS = ['AveragePool', 'GlobalAveragePool', 'Identity', 'LeakyRelu', 'MaxPool', 'Relu'];
/** A channel is made at most this many times larger or smaller. */
const LARGEST_FACTOR = 1024;
/** Weights below this share of the largest of all do not count. */
const NO_WEIGHT = 1e-6;

/**
 * Makes the channels between two convolutions equally important: each is divided by a factor in the first one and
 * multiplied by it in the second, which changes nothing in fp32 but lets all channels make use of the 256 levels that
 * they share (Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction", section
 * 4.1; the range of an activation stands for that of the first weights here, since those have a scale per channel
 * anyway).
 *
 * @param peaks largest magnitude of each channel of a value, where it is known
 * @param keep nodes that must stay as they are
 * @returns the values that are other than before
 */
export function equalise(
  { graph }: ModelProto,
  peaks: (value: string) => Float64Array | undefined,
  keep: (node: NodeProto) => boolean,
): Set<string> {
  const names = new NameBook(graph);
  const changed = new Set<string>();
  for (const second of graph.node) {
    const view = new GraphView(graph);
    const weight = convolutionWeight(view, second);
    const seen = peaks(second.input[0] ?? '');
    if (weight === undefined || seen === undefined || keep(second)) continue;
    if (isShared(view, second)) continue;
    const { first, path } = source(view, second);
    const firstWeight = first && convolutionWeight(view, first);
    if (first === undefined || firstWeight === undefined || keep(first) || isShared(view, first)) continue;
    const channels = Number(firstWeight.dims[0]);
    const depthwise = isDepthwise(second, weight);
    if (seen.length !== channels || !(depthwise || intAttribute(second, 'group', 1) === 1)) continue;
    const bias = first.input[2] ?? '';
    const biasTensor = view.constant(bias);
    if (bias !== '' && (biasTensor === undefined || !isFloat32(biasTensor))) continue;
    const at = (i: number): number => inputChannel(i, weight, depthwise);
    const factors = factorsOf(seen, weight, at);
    const put = (node: NodeProto, index: number, tensor: TensorProto): void => {
      graph.initializer.push(tensor);
      node.input[index] = tensor.name;
    };
    const inner = elements(firstWeight) / channels;
    const scaled = floatsOf(firstWeight).map((value, i) => value / (factors[Math.floor(i / inner)] ?? 1));
    put(first, 1, withFloats(firstWeight, names.take(`${first.name}_equal`), scaled));
    if (biasTensor !== undefined) {
      const shifted = floatsOf(biasTensor).map((value, i) => value / (factors[i] ?? 1));
      put(first, 2, float32Tensor(names.take(`${first.name}_equal_bias`), shifted, [channels]));
    }
    const other = floatsOf(weight).map((value, i) => value * (factors[at(i)] ?? 1));
    put(second, 1, withFloats(weight, names.take(`${second.name}_equal`), other));
    for (const value of path) changed.add(value);
  }
  return changed;
}

/** The convolution that a node's input comes from, with nothing on the path between that would notice a factor. */
function source(view: GraphView, node: NodeProto): { first: NodeProto | undefined; path: string[] } {
  const path: string[] = [];
  let value = node.input[0] ?? '';
  let reader = node;
  for (;;) {
    const maker = view.producer(value);
    path.push(value);
    if (maker === undefined || view.onlyConsumer(value) !== reader) break;
    if (isStandard(maker, 'Conv')) return { first: maker, path };
    if (!isStandard(maker, ...HOMOGENEOUS) || maker.output.filter((name) => name !== '').length > 1) break;
    reader = maker;
    value = maker.input[0] ?? '';
  }
  return { first: undefined, path };
}

function convolutionWeight(view: GraphView, node: NodeProto): TensorProto | undefined {
  const weight = isStandard(node, 'Conv') ? view.constant(node.input[1]) : undefined;
  return weight !== undefined && isFloat32(weight) ? weight : undefined;
}

/** Weights that several nodes read would be stored once for each of them afterwards. */
function isShared(view: GraphView, node: NodeProto): boolean {
  return view.uses(node.input[1] ?? '').length > 1;
}

function isDepthwise(node: NodeProto, weight: TensorProto): boolean {
  const group = intAttribute(node, 'group', 1);
  return group > 1 && weight.dims[1] === 1n && Number(weight.dims[0]) === group;
}

/** The input channel that weight `i` of the second convolution belongs to. */
function inputChannel(i: number, weight: TensorProto, depthwise: boolean): number {
  const [outputs = 1, inputs = 1] = weight.dims.map(Number);
  const kernel = elements(weight) / (outputs * inputs);
  return depthwise ? Math.floor(i / kernel) : Math.floor(i / kernel) % inputs;
}

/** sqrt(range of the channel / range of the weights that read it). */
function factorsOf(peaks: Float64Array, weight: TensorProto, channelOf: (i: number) => number): Float64Array {
  const ranges = new Float64Array(peaks.length);
  floatsOf(weight).forEach((value, i) => {
    const channel = channelOf(i);
    ranges[channel] = Math.max(ranges[channel] ?? 0, Math.abs(value));
  });
  const largest = ranges.reduce((most, range) => Math.max(most, range), 0);
  return peaks.map((peak, i) => {
    const factor = Math.sqrt(peak / Math.max(ranges[i] ?? 0, NO_WEIGHT * largest));
    return factor > 1 / LARGEST_FACTOR && factor < LARGEST_FACTOR ? Math.fround(factor) : 1;
  });
}

function elements({ dims }: TensorProto): number {
  return dims.reduce((product, dim) => product * Number(dim), 1);
}
