import {
  type AttributeValue,
  float32Tensor,
  floatAttribute,
  floatsAttribute,
  intAttribute,
  isFloat32,
  type NodeProto,
  stringAttribute,
} from '../../onnx/index.ts';
import { floatsOf, withFloats } from '../constants.ts';
import type { NodeWriter } from '../products/node-writer.ts';
import { transposed } from '../products/product.ts';
import { hasInput, type UnfuseRule } from './rule.ts';

/** The operator set from which on Clip takes its bounds as inputs. */
const CLIP_INPUTS_OPSET = 11;
/** What activations are called that take no numbers. */
const PLAIN = ['Relu', 'Sigmoid', 'Tanh'];

/** BiasGelu and FastGelu: the bias becomes part of the product before it. */
export const unfuseGelu: UnfuseRule = (writer, node) => {
  const [input = '', bias = ''] = node.input;
  if (bias === '') return false;
  const sum = writer.add(node.name, { opType: 'Add', input: [input, bias] });
  const opType = node.opType === 'BiasGelu' ? 'Gelu' : node.opType;
  writer.add(node.name, { opType, domain: 'com.microsoft', input: [sum], output: node.output[0] });
  return true;
};

/** FusedConv: a convolution, a sum with the fourth input where there is one, an activation. */
export const unfuseConvolution: UnfuseRule = (writer, node, { opset }) => {
  const activation = activationOf(
    stringAttribute(node, 'activation', ''),
    floatsAttribute(node, 'activation_params') ?? [],
  );
  if (activation === undefined) return false;
  const rest = hasInput(node, 3) ? node.input[3] : undefined;
  let value = carryOver(writer, node, 'Conv', node.input.slice(0, 3));
  if (rest !== undefined) value = writer.add(node.name, { opType: 'Add', input: [value, rest] });
  writeActivation(writer, node, value, activation, opset);
  return true;
};

/** FusedGemm: a Gemm and an activation. */
export const unfuseGemm: UnfuseRule = (writer, node, { opset }) => {
  const activation = activationOf(stringAttribute(node, 'activation', ''), [
    floatAttribute(node, 'activation_alpha', 0.01),
  ]);
  if (activation === undefined || activation.opType === 'Clip' || activation.opType === 'HardSigmoid')
    return false;
  writeActivation(writer, node, carryOver(writer, node, 'Gemm', node.input), activation, opset);
  return true;
};

/** FusedMatMul with a constant matrix: turned and scaled once for all. */
export const unfuseProduct: UnfuseRule = (writer, node) => {
  const held = writer.scope.constant(node.input[1]);
  if (held === undefined || !isFloat32(held.tensor) || held.tensor.dims.length !== 2) return false;
  if (['transA', 'transBatchA', 'transBatchB'].some((name) => intAttribute(node, name, 0) !== 0))
    return false;
  const { tensor } = held;
  const [rows = 0, columns = 0] = tensor.dims.map(Number);
  const factor = floatAttribute(node, 'alpha', 1);
  const turn = intAttribute(node, 'transB', 0) !== 0;
  const scaled = factor === 1 ? floatsOf(tensor) : floatsOf(tensor).map((value) => value * factor);
  const weights = writer.constant(node.name, 'weight', (name) =>
    turn
      ? float32Tensor(name, transposed(scaled, rows, columns), [columns, rows])
      : withFloats(tensor, name, scaled),
  );
  writer.add(node.name, { opType: 'MatMul', input: [node.input[0] ?? '', weights], output: node.output[0] });
  return true;
};

interface Activation {
  opType: string;
  attributes: Record<string, AttributeValue>;
  /** The ends of a Clip. */
  bounds?: [low: number, high: number];
}

function activationOf(opType: string, numbers: readonly number[]): Activation | undefined {
  const [first = 0, second = 0] = numbers;
  if (PLAIN.includes(opType)) return { opType, attributes: {} };
  if (opType === 'LeakyRelu') return { opType, attributes: { alpha: { float: first } } };
  if (opType === 'HardSigmoid')
    return { opType, attributes: { alpha: { float: first }, beta: { float: second } } };
  return opType === 'Clip' ? { opType, attributes: {}, bounds: [first, second] } : undefined;
}

function writeActivation(
  writer: NodeWriter,
  node: NodeProto,
  input: string,
  { opType, attributes, bounds }: Activation,
  opset: number,
): void {
  const [output] = node.output;
  if (bounds === undefined) writer.add(node.name, { opType, input: [input], output, attributes });
  else if (opset < CLIP_INPUTS_OPSET) {
    const [low, high] = bounds;
    const ends = { min: { float: low }, max: { float: high } };
    writer.add(node.name, { opType, input: [input], output, attributes: ends });
  } else {
    const ends = bounds.map((bound) =>
      writer.constant(node.name, 'bound', (name) => float32Tensor(name, [bound], [])),
    );
    writer.add(node.name, { opType, input: [input, ...ends], output });
  }
}

/** The node as the standard operator in it, without what is said of the activation. */
function carryOver(writer: NodeWriter, node: NodeProto, opType: string, input: string[]): string {
  const like = node.attribute.filter(({ name }) => !name.startsWith('activation'));
  return writer.add(node.name, { opType, input, like });
}
