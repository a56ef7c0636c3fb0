import type { Tensor } from '../../../../core/index.ts';
import {
  floatAttribute,
  float32Tensor,
  type GraphView,
  intAttribute,
  makeNode,
  type NodeProto,
  setAttribute,
  type TensorProto,
  writeTensor,
} from '../../onnx/index.ts';
import { floatsOf } from '../constants.ts';
import { type QuantizedWeights, quantizeWeights } from '../weights.ts';
import { biasShift } from './bias-shift.ts';

/** A bias is stored as int32 in units of input scale times weight scale; this many of them at most. */
const LARGEST_BIAS = 2 ** 30;

interface ParameterInput {
  /** A Conv, MatMul or Gemm with constant weights. Its attributes may be changed to match. */
  node: NodeProto;
  view: GraphView;
  /** The scale of the node's 8-bit input. */
  inputScale: number;
  bits: 7 | 8;
  names: (wish: string) => string;
  /** Weights that were quantised for another candidate. */
  cache: Map<string, QuantizedWeights>;
  /** Mean of each channel of the input, where the bias is to make up for rounded weights. */
  means?: Float64Array | undefined;
}

/** New constants and the DequantizeLinear nodes that read them; `inputs` follow the data input of the node. */
interface Parameters {
  tensors: TensorProto[];
  nodes: NodeProto[];
  inputs: string[];
}

/** Weights as int8 for each channel, bias as int32: what a runtime's 8-bit operators take. */
export function quantizedParameters(input: ParameterInput): Parameters {
  const { node, view, inputScale, names } = input;
  const weight = view.constant(node.input[1]);
  if (weight === undefined) throw new TypeError(`${node.name} has no constant weights`);
  const dims = weight.dims.map(Number);
  const axis = channelAxis(node);
  const channels = dims[axis] ?? 1;
  const bias = biasOf(node, view, channels);
  const alpha = node.opType === 'Gemm' ? floatAttribute(node, 'alpha', 1) : 1;
  if (alpha !== 1) setAttribute(node, 'alpha', { float: 1 });
  const floors = bias && Float64Array.from(bias, (value) => Math.abs(value) / (inputScale * LARGEST_BIAS));
  const values = (): Float32Array => scaled(floatsOf(weight), alpha);
  const quantized = cached(input, { key: `${weight.name}/${axis}/${alpha}`, values, dims, axis, floors });
  const tensors: TensorProto[] = [];
  const nodes: NodeProto[] = [];
  const read = (what: string, tensor: Tensor, scales: Float32Array, along: number): string => {
    const name = (part: string): string => names(`${node.name}_${what}_${part}`);
    const constants = [writeTensor(name('q'), tensor), float32Tensor(name('scale'), scales, [scales.length])];
    if (tensor.type === 'int8')
      constants.push(
        writeTensor(name('zero'), { type: 'int8', dims: [channels], data: new Int8Array(channels) }),
      );
    const output = name('dq');
    tensors.push(...constants);
    nodes.push(
      makeNode({
        opType: 'DequantizeLinear',
        name: name('dequantize'),
        input: constants.map((each) => each.name),
        output: [output],
        attributes: { axis: along },
      }),
    );
    return output;
  };
  const inputs = [read('weight', { type: 'int8', dims, data: quantized.values }, quantized.scales, axis)];
  const shift =
    input.means === undefined || node.opType === 'MatMul'
      ? undefined
      : biasShift({
          before: values(),
          after: quantized,
          dims,
          axis,
          groups: intAttribute(node, 'group', 1),
          means: input.means,
        });
  if (bias === undefined && shift === undefined) return { tensors, nodes, inputs };
  const units = quantized.scales.map((scale) => scale * inputScale);
  const data = Int32Array.from(units, (unit, i) =>
    Math.max(
      -LARGEST_BIAS,
      Math.min(LARGEST_BIAS, Math.round(((bias?.[i] ?? 0) - (shift?.[i] ?? 0)) / (unit || 1))),
    ),
  );
  inputs.push(read('bias', { type: 'int32', dims: [channels], data }, units, 0));
  return { tensors, nodes, inputs };
}

interface CacheEntry {
  key: string;
  values: () => Float32Array;
  dims: number[];
  axis: number;
  floors: Float64Array | undefined;
}

/** Weights do not depend on the ranges of activations, but for a floor that a large bias puts under their scale. */
function cached(
  { bits, cache }: ParameterInput,
  { key, values, dims, axis, floors }: CacheEntry,
): QuantizedWeights {
  let found = cache.get(key);
  if (found === undefined) {
    found = quantizeWeights(values(), dims, axis, { bits });
    cache.set(key, found);
  }
  const { scales } = found;
  if (floors === undefined || scales.every((scale, i) => scale >= (floors[i] ?? 0))) return found;
  return quantizeWeights(values(), dims, axis, { bits, floors });
}

function channelAxis(node: NodeProto): 0 | 1 {
  if (node.opType === 'Gemm') return intAttribute(node, 'transB', 0) === 1 ? 0 : 1;
  return node.opType === 'MatMul' ? 1 : 0;
}

/** Gemm's alpha goes into the weights and its beta into the bias. */
function scaled(values: Float32Array, alpha: number): Float32Array {
  return alpha === 1 ? values : values.map((value) => value * alpha);
}

function biasOf(node: NodeProto, view: GraphView, channels: number): Float32Array | undefined {
  const tensor = node.opType === 'MatMul' ? undefined : view.constant(node.input[2]);
  if (tensor === undefined) return undefined;
  const beta = node.opType === 'Gemm' ? floatAttribute(node, 'beta', 1) : 1;
  if (beta !== 1) setAttribute(node, 'beta', { float: 1 });
  const values = floatsOf(tensor);
  return new Float32Array(channels).map((_, i) => beta * (values[values.length === 1 ? 0 : i] ?? 0));
}
