import { floatAttribute, int64Tensor, type NodeProto } from '../../onnx/index.ts';
import type { NodeWriter } from '../products/node-writer.ts';
import { hasInput, hasOutput, type UnfuseRule } from './rule.ts';

/** What the fused normalisations take for epsilon unless they say another. */
const EPSILON = 1e-12;
/** Range is of this operator set; from 13 on, ReduceSum takes its axes as an input. */
const [RANGE_OPSET, AXES_INPUT_OPSET] = [11, 13];

/** SkipLayerNormalization: input, skip, gain, shift, bias. In pieces it takes half the time on a CPU. */
export const unfuseSkip: UnfuseRule = (writer, node) => {
  const [input = '', skip = '', gain = '', shift = '', bias = ''] = node.input;
  if (hasOutput(node, 1) || hasOutput(node, 2)) return false;
  writeNorm(writer, node, {
    opType: 'LayerNormalization',
    sum: sumOf(writer, node, [input, bias, skip], 3),
    input: [gain, ...(shift === '' ? [] : [shift])],
  });
  return true;
};

/** SkipSimplifiedLayerNormalization: input, skip, gain, bias. */
export const unfuseSimplifiedSkip: UnfuseRule = (writer, node) => {
  const [input = '', skip = '', gain = '', bias = ''] = node.input;
  if (hasOutput(node, 1) || hasOutput(node, 2)) return false;
  const sum = sumOf(writer, node, [input, bias, skip], 3);
  writeNorm(writer, node, { opType: 'SimplifiedLayerNormalization', sum, input: [gain] });
  return true;
};

/** Inputs of EmbedLayerNormalization. */
const EMBED = {
  ids: 0,
  kinds: 1,
  words: 2,
  places: 3,
  kindTable: 4,
  gain: 5,
  shift: 6,
  mask: 7,
  placeIds: 8,
};

/** EmbedLayerNormalization as rows of tables, their sum, and its normalisation. */
export const unfuseEmbedding: UnfuseRule = (writer, node, { opset, view }) => {
  const at = (name: keyof typeof EMBED): string => node.input[EMBED[name]] ?? '';
  const lengths = node.output[1] ?? '';
  const counts = view.uses(lengths).length > 0 || view.isOutput(lengths);
  if (opset < RANGE_OPSET || (counts && at('mask') === '')) return false;
  const rows = (what: string, table: string, ids: string): string =>
    writer.add(`${node.name}_${what}`, { opType: 'Gather', input: [table, ids], attributes: { axis: 0 } });
  const places = at('placeIds') === '' ? placesOf(writer, node, at('ids')) : at('placeIds');
  const terms = [
    rows('words', at('words'), at('ids')),
    rows('places', at('places'), places),
    hasInput(node, EMBED.kinds) ? rows('kinds', at('kindTable'), at('kinds')) : '',
  ];
  const sum = sumOf(writer, node, terms, 2);
  if (counts) writeLengths(writer, node, at('mask'), opset);
  writeNorm(writer, node, { opType: 'LayerNormalization', sum, input: [at('gain'), at('shift')] });
  return true;
};

/** 0, 1, … for as many places as there are token numbers. */
function placesOf(writer: NodeWriter, node: NodeProto, ids: string): string {
  const number = (what: string, value: number): string =>
    writer.constant(node.name, what, (name) => int64Tensor(name, [value], []));
  const shape = writer.add(node.name, { opType: 'Shape', input: [ids] });
  const length = writer.add(node.name, { opType: 'Gather', input: [shape, number('axis', 1)] });
  return writer.add(node.name, {
    opType: 'Range',
    input: [number('first', 0), length, number('step', 1)],
  });
}

/** How many places of each sequence the mask shows. */
function writeLengths(writer: NodeWriter, node: NodeProto, mask: string, opset: number): void {
  const axes =
    opset < AXES_INPUT_OPSET
      ? undefined
      : writer.constant(node.name, 'axes', (name) => int64Tensor(name, [1]));
  writer.add(`${node.name}_lengths`, {
    opType: 'ReduceSum',
    input: [mask, ...(axes === undefined ? [] : [axes])],
    output: node.output[1] ?? '',
    attributes: { keepdims: 0, ...(axes === undefined ? { axes: [1] } : {}) },
  });
}

/** The sum of what is there, under the name of the node's output at that place where it has one. */
function sumOf(writer: NodeWriter, node: NodeProto, terms: string[], place: number): string {
  const present = terms.filter((term) => term !== '');
  return present.reduce((sum, term, i) =>
    writer.add(node.name, {
      opType: 'Add',
      input: [sum, term],
      output: i === present.length - 1 && hasOutput(node, place) ? node.output[place] : undefined,
    }),
  );
}

function writeNorm(
  writer: NodeWriter,
  node: NodeProto,
  { opType, sum, input }: { opType: string; sum: string; input: string[] },
): void {
  writer.add(node.name, {
    opType,
    input: [sum, ...input],
    output: node.output[0] ?? '',
    attributes: { axis: -1, epsilon: { float: floatAttribute(node, 'epsilon', EPSILON) } },
  });
}
