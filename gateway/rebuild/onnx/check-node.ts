import { ModelBrokenError } from '../errors.ts';
import { attributeOf, isStandard } from './attributes.ts';
import { ATTRIBUTE_TYPE, type AttributeProto, type NodeProto } from './types.ts';

type AttributeType = keyof typeof ATTRIBUTE_TYPE;

/**
 * Attributes that have the same type in every standard operator and every version of it
 * (https://onnx.ai/onnx/operators/): those that this program reads, and those that shape a graph.
 */
const STANDARD_ATTRIBUTES = new Map<string, AttributeType>([
  ...typed(
    'int',
    `align_corners allowzero antialias axis batch_dims block_size blocksize ceil_mode count_include_pad dtype exclusive
    group hidden_size input_forget keepdims layout linear_before_reset num_groups num_outputs num_scan_inputs onesided
    reverse saturate select_last_index sorted spatial storage_order training_mode transA transB`,
  ),
  ...typed(
    'ints',
    'axes dilations ends kernel_shape output_padding output_shape pads perm split starts strides',
  ),
  ...typed('float', 'alpha beta epsilon gamma lambd momentum ratio spatial_scale'),
  ...typed('floats', 'activation_alpha activation_beta scales'),
  ...typed(
    'string',
    'auto_pad coordinate_transformation_mode direction equation mode nearest_mode padding_mode',
  ),
  ...typed('strings', 'activations'),
  ...typed('graph', 'body else_branch then_branch'),
]);
const SUBGRAPHS: Record<string, readonly string[]> = {
  If: ['then_branch', 'else_branch'],
  Loop: ['body'],
  Scan: ['body'],
};
const TYPE_NAMES = new Map(Object.entries(ATTRIBUTE_TYPE).map(([name, type]) => [type as number, name]));

/** Whether a node's attributes are what they say. @throws {ModelBrokenError} */
export function checkNode(node: NodeProto): void {
  const where = `${node.opType.slice(0, 100)} node ${JSON.stringify(node.name.slice(0, 200))}`;
  if (node.opType === '') throw new ModelBrokenError(`${where} has no operator`);
  const names = new Set<string>();
  for (const attribute of node.attribute) {
    const name = JSON.stringify(attribute.name.slice(0, 100));
    if (names.has(attribute.name)) throw new ModelBrokenError(`${where} has two attributes ${name}`);
    names.add(attribute.name);
    // In a function's body, an attribute may stand for one of the function's.
    if (attribute.refAttrName !== '') continue;
    const problem = problemOf(attribute, isStandard(node, node.opType));
    if (problem !== undefined) throw new ModelBrokenError(`attribute ${name} of ${where} ${problem}`);
  }
  const needed = isStandard(node, node.opType) ? SUBGRAPHS[node.opType] : undefined;
  for (const name of needed ?? [])
    if (attributeOf(node, name) === undefined) throw new ModelBrokenError(`${where} has no ${name}`);
}

function problemOf(attribute: AttributeProto, standard: boolean): string | undefined {
  const type = TYPE_NAMES.get(attribute.type);
  if (type === undefined) return `has the type ${attribute.type}, which ONNX does not have`;
  const wanted = standard ? STANDARD_ATTRIBUTES.get(attribute.name) : undefined;
  if (wanted !== undefined && type !== wanted) return `is of type ${type}, not ${wanted}`;
  const held = contentsOf(attribute);
  const other = held.find((each) => each !== type);
  if (other !== undefined) return `says ${type} and holds ${other}`;
  const mustHold = ['tensor', 'graph', 'sparseTensor', 'type'].includes(type);
  return mustHold && held.length === 0 ? `says ${type} and holds none` : undefined;
}

/** The types whose fields hold something. */
function contentsOf(attribute: AttributeProto): string[] {
  const { f, i, s, t, g, tp, sparseTensor } = attribute;
  const { floats, ints, strings, tensors, graphs, sparseTensors, typeProtos } = attribute;
  const contents: Record<AttributeType, boolean> = {
    float: f !== 0,
    int: i !== 0n,
    string: s.byteLength > 0,
    tensor: t !== undefined,
    graph: g !== undefined,
    floats: floats.length > 0,
    ints: ints.length > 0,
    strings: strings.length > 0,
    tensors: tensors.length > 0,
    graphs: graphs.length > 0,
    sparseTensor: sparseTensor !== undefined,
    sparseTensors: sparseTensors.length > 0,
    type: tp !== undefined,
    types: typeProtos.length > 0,
  };
  return Object.entries(contents).flatMap(([type, holds]) => (holds ? [type] : []));
}

function typed(type: AttributeType, names: string): [string, AttributeType][] {
  return names.split(/\s+/).map((name) => [name, type]);
}
