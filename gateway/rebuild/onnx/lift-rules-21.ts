import { attributeOf, intAttribute, removeAttributes, setAttribute, stringAttribute } from './attributes.ts';
import {
  addConstant,
  axesToInput,
  type LiftRule,
  type LiftScope,
  type LiftStep,
  refuse,
  setInput,
} from './lift-rules.ts';
import { makeNode } from './make.ts';
import { int64Tensor } from './tensors.ts';
import type { NodeProto } from './types.ts';

const REDUCTIONS = 'L1 L2 LogSum LogSumExp Max Mean Min Prod SumSquare'.split(' ');

/**
 * What changed meaning between operator sets 13 and 21, by operator (https://onnx.ai/onnx/operators/). What only took in
 * more element types or got new attributes with the old meaning as default is not here.
 */
export const RULES_TO_21: Readonly<Record<string, LiftStep>> = {
  ...Object.fromEntries(REDUCTIONS.map((what) => [`Reduce${what}`, { since: 18, rule: axesToInput }])),
  BatchNormalization: { since: 14, rule: oneOutput },
  DFT: { since: 20, rule: axisToInput },
  GridSample: { since: 20, rule: renameModes },
  GroupNormalization: { since: 21, rule: perChannel },
  RoiAlign: { since: 16, rule: halfPixel },
  Resize: { since: 13, rule: oneOfSizesAndScales },
  Split: { since: 18, rule: countOutputs },
};

/** The other outputs were for learning, and mean something else since. */
function oneOutput(node: NodeProto, { read }: LiftScope): undefined {
  if (node.output.slice(1).some((name) => name !== '' && read.has(name)))
    refuse(node, 'something reads the statistics that it learns');
  node.output = node.output.slice(0, 1);
}

function axisToInput(node: NodeProto, scope: LiftScope): undefined {
  const axis = int64Tensor(scope.names.take(`${node.name}_axis`), [intAttribute(node, 'axis', 1)], []);
  setInput(node, 2, addConstant(scope, axis));
  removeAttributes(node, 'axis');
}

function renameModes(node: NodeProto): undefined {
  const names: Record<string, string> = { bilinear: 'linear', bicubic: 'cubic' };
  const mode = stringAttribute(node, 'mode', 'bilinear');
  setAttribute(node, 'mode', names[mode] ?? mode);
}

/** The default moved by half a pixel. */
function halfPixel(node: NodeProto): undefined {
  if (attributeOf(node, 'coordinate_transformation_mode') === undefined)
    setAttribute(node, 'coordinate_transformation_mode', 'output_half_pixel');
}

/** Both were there, one of them without elements. */
function oneOfSizesAndScales(node: NodeProto): undefined {
  if (stringAttribute(node, 'coordinate_transformation_mode', '') === 'tf_half_pixel_for_nn')
    refuse(node, 'its coordinates are tf_half_pixel_for_nn');
  if ((node.input[3] ?? '') !== '') node.input[2] = '';
}

function countOutputs(node: NodeProto): undefined {
  if ((node.input[1] ?? '') === '') setAttribute(node, 'num_outputs', node.output.length);
}

/** Scale and bias were given for each group, and are now for each channel: each is repeated for its channels. */
function perChannel(node: NodeProto, scope: LiftScope): ReturnType<LiftRule> {
  const [input = '', scale = '', bias = ''] = node.input;
  const take = (what: string): string => scope.names.take(`${node.name}_${what}`);
  const ints = (what: string, values: number[]): string =>
    addConstant(scope, int64Tensor(take(what), values));
  const nodes: NodeProto[] = [];
  const add = (opType: string, inputs: string[], attributes: Record<string, number> = {}): string => {
    const output = take(opType);
    nodes.push(makeNode({ opType, name: take('step'), input: inputs, output: [output], attributes }));
    return output;
  };
  const channels = add('Shape', [input], { start: 1, end: 2 });
  const each = add('Div', [channels, ints('groups', [intAttribute(node, 'num_groups', 1)])]);
  const shape = add('Concat', [ints('one', [1]), each], { axis: 0 });
  const flat = ints('flat', [-1]);
  const repeat = (values: string): string => {
    const column = add('Unsqueeze', [values, ints('axis', [1])]);
    return add('Reshape', [add('Expand', [column, shape]), flat]);
  };
  node.input = [input, repeat(scale), repeat(bias)];
  return [...nodes, node];
}
