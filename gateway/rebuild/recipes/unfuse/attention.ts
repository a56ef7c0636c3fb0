import { float32Tensor, intAttribute, intsAttribute, isFloat32, type NodeProto } from '../../onnx/index.ts';
import { floatsOf } from '../constants.ts';
import type { NodeWriter } from '../products/node-writer.ts';
import { type FusedPlace, hasInput, hasOutput, type UnfuseRule } from './rule.ts';

/** Inputs of com.microsoft.Attention. */
const INPUTS = { state: 0, weights: 1, bias: 2, mask: 3, past: 4, attentionBias: 5, pastLength: 6 } as const;
const PARTS = ['query', 'key', 'value'] as const;
/** Attributes that MultiHeadAttention has as well, with the same meaning. */
const SHARED_ATTRIBUTES = ['num_heads', 'unidirectional', 'mask_filter_value', 'scale'];
/** What gives the lengths of the sequences, one for each: a mask of one axis may be something else. */
const LENGTHS_BY = ['EmbedLayerNormalization', 'ReduceSum'];

/**
 * com.microsoft.Attention as its three projections and a MultiHeadAttention: products like any others, as fast in fp32,
 * and each can be left in higher precision by itself. What keeps a state, and masks that MultiHeadAttention has not, stay.
 */
export const unfuseAttention: UnfuseRule = (writer, node, place) => {
  const state = node.input[INPUTS.state] ?? '';
  const weights = writer.scope.constant(node.input[INPUTS.weights])?.tensor;
  const bias = writer.scope.constant(node.input[INPUTS.bias])?.tensor;
  if (weights === undefined || !isFloat32(weights) || weights.dims.length !== 2) return false;
  if (bias === undefined || !isFloat32(bias)) return false;
  if (keepsState(node) || !carriesMask(node, place)) return false;
  const [rows = 0, columns = 0] = weights.dims.map(Number);
  const sizes = sizesOf(node, columns);
  if (sizes === undefined) return false;
  const [all, added] = [floatsOf(weights), floatsOf(bias)];
  let from = 0;
  const parts = PARTS.map((part, i) => {
    const size = sizes[i] ?? 0;
    const name = `${node.name}_${part}`;
    const own = columnsOf(all, { rows, columns, from, size });
    const product = writer.add(name, {
      opType: 'MatMul',
      input: [state, writer.constant(name, 'weight', (made) => float32Tensor(made, own, [rows, size]))],
    });
    const shift = added.slice(from, from + size);
    from += size;
    const constant = writer.constant(name, 'bias', (made) => float32Tensor(made, shift, [size]));
    return writer.add(name, { opType: 'Add', input: [product, constant] });
  });
  mix(writer, node, parts);
  return true;
};

function mix(writer: NodeWriter, node: NodeProto, parts: string[]): void {
  const [mask = '', attentionBias = ''] = [node.input[INPUTS.mask], node.input[INPUTS.attentionBias]];
  writer.add(node.name, {
    opType: 'MultiHeadAttention',
    domain: 'com.microsoft',
    input: [...parts, '', mask, attentionBias],
    output: node.output[0],
    like: node.attribute.filter(({ name }) => SHARED_ATTRIBUTES.includes(name)),
  });
}

function keepsState(node: NodeProto): boolean {
  return (
    hasInput(node, INPUTS.past) ||
    hasInput(node, INPUTS.pastLength) ||
    hasOutput(node, 1) ||
    intAttribute(node, 'do_rotary', 0) !== 0 ||
    intAttribute(node, 'past_present_share_buffer', 0) !== 0
  );
}

/** MultiHeadAttention knows lengths, and masks of keys or of pairs, but not the beginnings of sequences. */
function carriesMask(node: NodeProto, { view, shapeOf }: FusedPlace): boolean {
  const mask = node.input[INPUTS.mask] ?? '';
  if (mask === '') return true;
  const shape = view.constant(mask)?.dims.map(Number) ?? shapeOf(mask) ?? [];
  if (shape.length === 1) return LENGTHS_BY.includes(view.producer(mask)?.opType ?? '');
  // Of width 1 it is a mask in name only, to which MultiHeadAttention would object.
  return (shape.length === 2 || shape.length === 3) && shape.at(-1) !== 1;
}

/** The widths of query, key and value; undefined where they do not fit the weights. */
function sizesOf(node: NodeProto, columns: number): number[] | undefined {
  const sizes = intsAttribute(node, 'qkv_hidden_sizes') ?? [];
  if (sizes.length === 0)
    return columns % PARTS.length === 0 ? PARTS.map(() => columns / PARTS.length) : undefined;
  const sum = sizes.reduce((all, size) => all + size, 0);
  return sizes.length === PARTS.length && sum === columns ? sizes : undefined;
}

function columnsOf(
  values: Float32Array,
  { rows, columns, from, size }: { rows: number; columns: number; from: number; size: number },
): Float32Array {
  const own = new Float32Array(rows * size);
  for (let row = 0; row < rows; row += 1)
    own.set(values.subarray(row * columns + from, row * columns + from + size), row * size);
  return own;
}

/** The mask of a node that is such an operator and has one. */
export function maskOf({ domain, opType, input }: NodeProto): string | undefined {
  const mask = domain === 'com.microsoft' && opType === 'Attention' ? input[INPUTS.mask] : undefined;
  return mask === '' ? undefined : mask;
}
