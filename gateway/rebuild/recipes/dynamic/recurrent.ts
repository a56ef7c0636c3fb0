import {
  intAttribute,
  isFloat32,
  isStandard,
  makeNode,
  type NodeProto,
  writeTensor,
} from '../../onnx/index.ts';
import { transposed } from '../products/product.ts';
import type { HeldConstant, Scope } from '../products/scope.ts';
import { SMALLEST_TABLE } from '../tables.ts';
import type { WeightForm } from './weight-book.ts';
import type { DynamicWriter } from './writer.ts';

/** Inputs of LSTM (https://onnx.ai/onnx/operators/onnx__LSTM.html) that are weights. */
const WEIGHT_INPUTS = { input: 1, recurrence: 2 } as const;
/** All inputs of LSTM, the peepholes last. */
const INPUTS = 8;
/** What DynamicQuantizeLSTM has in common with LSTM. */
const ATTRIBUTES = [
  'activation_alpha',
  'activation_beta',
  'activations',
  'clip',
  'direction',
  'hidden_size',
  'input_forget',
];

/** The weights of an LSTM for what comes in and for what it remembers. */
interface Recurrent {
  input: HeldConstant;
  recurrence: HeldConstant;
}

/**
 * The weights of an LSTM whose weights are constant; undefined for any other node. ONNX Runtime has no such kernel for
 * GRU and RNN.
 */
export function recurrentOf(scope: Scope, node: NodeProto): Recurrent | undefined {
  if (!isStandard(node, 'LSTM') || intAttribute(node, 'layout', 0) !== 0) return undefined;
  const input = scope.constant(node.input[WEIGHT_INPUTS.input]);
  const recurrence = scope.constant(node.input[WEIGHT_INPUTS.recurrence]);
  if (input === undefined || recurrence === undefined) return undefined;
  return isStack(input) && isStack(recurrence) ? { input, recurrence } : undefined;
}

function isStack({ tensor }: HeldConstant): boolean {
  const elements = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  return isFloat32(tensor) && tensor.dims.length === 3 && elements >= SMALLEST_TABLE;
}

/** com.microsoft.DynamicQuantizeLSTM: its weights are [directions, inputs, 4 · hidden], the other way round than LSTM's. */
export function writeRecurrent(
  writer: DynamicWriter,
  node: NodeProto,
  { input, recurrence }: Recurrent,
): void {
  const [inputForm, recurrenceForm] = [formOf(input), formOf(recurrence)];
  const [w, r] = [writer.weights(input, inputForm), writer.weights(recurrence, recurrenceForm)];
  const inputs = Array.from({ length: INPUTS }, (_, i) => node.input[i] ?? '');
  inputs[WEIGHT_INPUTS.input] = w.weights;
  inputs[WEIGHT_INPUTS.recurrence] = r.weights;
  const zeros = (what: string, { dims }: WeightForm): string =>
    writer.constant(node.name, what, (name) => {
      const count = dims.scales.reduce((product, dim) => product * dim, 1);
      return writeTensor(name, { type: 'int8', dims: dims.scales, data: new Int8Array(count) });
    });
  const made = makeNode({
    opType: 'DynamicQuantizeLSTM',
    domain: 'com.microsoft',
    name: node.name,
    input: [...inputs, w.scales, zeros('W_zero', inputForm), r.scales, zeros('R_zero', recurrenceForm)],
    output: node.output,
  });
  made.attribute = node.attribute.filter(({ name }) => ATTRIBUTES.includes(name));
  writer.scope.nodes.push(made);
}

function formOf({ tensor }: HeldConstant): WeightForm {
  const [stacks = 0, outputs = 0, inputs = 0] = tensor.dims.map(Number);
  return {
    key: 'recurrent',
    stacks,
    inputs,
    outputs,
    dims: { weights: [stacks, inputs, outputs], scales: [stacks, outputs] },
    arrange: (values) => {
      const size = inputs * outputs;
      const turned = new Float32Array(values.length);
      for (let stack = 0; stack < stacks; stack += 1) {
        const matrix = values.subarray(stack * size, (stack + 1) * size);
        turned.set(transposed(matrix, outputs, inputs), stack * size);
      }
      return turned;
    },
  };
}
