import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  isFloat32,
  makeNode,
  type NodeProto,
} from '../../onnx/index.ts';
import type { HeldConstant, Scope } from '../products/scope.ts';
import { SMALLEST_TABLE } from '../tables.ts';
import type { DynamicWriter } from './writer.ts';

/** Inputs of com.microsoft.Attention. */
const INPUTS = { state: 0, weights: 1, bias: 2, mask: 3, past: 4, attentionBias: 5, pastLength: 6 } as const;
/** What QAttention has in common with Attention. */
const ATTRIBUTES = ['num_heads', 'unidirectional', 'mask_filter_value'];
/** What QAttention has not, and what it would have to be. */
const ABSENT = ['do_rotary', 'past_present_share_buffer'];

/**
 * The weights of a fused attention that QAttention can stand for; undefined for any other node. Those that are no more
 * than projections and a MultiHeadAttention were taken apart before (`recipes/unfuse`): what is left here keeps a state,
 * or has a mask that only this operator knows.
 */
export function attentionOf(scope: Scope, node: NodeProto): HeldConstant | undefined {
  if (node.domain !== 'com.microsoft' || node.opType !== 'Attention') return undefined;
  const weights = scope.constant(node.input[INPUTS.weights]);
  if (weights === undefined || !isFloat32(weights.tensor)) return undefined;
  const [rows = 0, columns = 0] = weights.tensor.dims.map(Number);
  if (weights.tensor.dims.length !== 2 || rows * columns < SMALLEST_TABLE || columns % 3 !== 0)
    return undefined;
  const sizes = intsAttribute(node, 'qkv_hidden_sizes') ?? [];
  const fits =
    (node.input[INPUTS.bias] ?? '') !== '' &&
    sizes.every((size) => size === columns / 3) &&
    [INPUTS.attentionBias, INPUTS.pastLength].every((index) => (node.input[index] ?? '') === '') &&
    ABSENT.every((name) => intAttribute(node, name, 0) === 0) &&
    floatAttribute(node, 'scale', 0) === 0;
  return fits ? weights : undefined;
}

/** com.microsoft.QAttention: the projections in 8 bits, all behind them as it was. */
export function writeAttention(writer: DynamicWriter, node: NodeProto, constant: HeldConstant): void {
  const [inputs = 0, outputs = 0] = constant.tensor.dims.map(Number);
  const at = (name: keyof typeof INPUTS): string => node.input[INPUTS[name]] ?? '';
  const { weights, scales } = writer.weights(constant, {
    key: 'attention',
    stacks: 1,
    inputs,
    outputs,
    dims: { weights: [inputs, outputs], scales: [outputs] },
    arrange: (values) => values,
  });
  const { levels, scale, zero } = writer.activation(at('state'));
  const made = makeNode({
    opType: 'QAttention',
    domain: 'com.microsoft',
    name: node.name,
    input: [levels, weights, at('bias'), scale, scales, at('mask'), zero, '', at('past')],
    output: node.output,
  });
  made.attribute = node.attribute.filter(({ name }) => ATTRIBUTES.includes(name));
  writer.scope.nodes.push(made);
}
