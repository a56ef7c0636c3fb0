import { create } from '@bufbuild/protobuf';
import { schemaOf } from './schema.ts';
import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OperatorSetIdProto,
  type StringStringEntryProto,
  type TensorProto,
  type ValueInfoProto,
} from './types.ts';

/** What an attribute may hold when a node is made: `1` is an int, `{ float: 1 }` a float. */
export type AttributeValue =
  | number
  | bigint
  | string
  | { float: number }
  | { floats: readonly number[] }
  | readonly (number | bigint)[]
  | readonly string[]
  | TensorProto
  | { graph: GraphProto };

/** Makes a message of ONNX from some of its fields. */
function make<T>(name: string, fields: Record<string, unknown>): T {
  return create(schemaOf(name), fields) as T;
}

/** A tensor from its fields as they stand in the file; `tensorProto` of tensors.ts makes one from values. */
export function makeTensor(fields: Partial<Omit<TensorProto, '$typeName'>>): TensorProto {
  return make('TensorProto', { ...fields });
}

/** One operator of the standard domain, or of the one named. */
export function makeNode(fields: {
  opType: string;
  input: string[];
  output: string[];
  name: string;
  domain?: string;
  attributes?: Record<string, AttributeValue>;
}): NodeProto {
  const { attributes = {}, ...rest } = fields;
  const attribute = Object.entries(attributes).map(([name, value]) => makeAttribute(name, value));
  return make('NodeProto', { ...rest, attribute });
}

/** An attribute whose type follows from the value. An empty list is a list of ints. */
export function makeAttribute(name: string, value: AttributeValue): AttributeProto {
  return make('AttributeProto', { name, ...attributeFields(value) });
}

function attributeFields(value: AttributeValue): Record<string, unknown> {
  if (typeof value === 'number' || typeof value === 'bigint')
    return { type: ATTRIBUTE_TYPE.int, i: BigInt(value) };
  if (typeof value === 'string') return { type: ATTRIBUTE_TYPE.string, s: utf8(value) };
  if ('float' in value) return { type: ATTRIBUTE_TYPE.float, f: value.float };
  if ('floats' in value) return { type: ATTRIBUTE_TYPE.floats, floats: [...value.floats] };
  if ('graph' in value) return { type: ATTRIBUTE_TYPE.graph, g: value.graph };
  if ('dataType' in value) return { type: ATTRIBUTE_TYPE.tensor, t: value };
  if (value.length > 0 && value.every((item) => typeof item === 'string'))
    return { type: ATTRIBUTE_TYPE.strings, strings: value.map(utf8) };
  return { type: ATTRIBUTE_TYPE.ints, ints: value.map(BigInt) };
}

/** The type and shape of a named value. A dimension is a number, or a name where it varies. */
export function makeValueInfo(
  name: string,
  dataType: number,
  shape?: readonly (number | string)[],
): ValueInfoProto {
  const dim = shape?.map((size) => ({
    value:
      typeof size === 'number'
        ? { case: 'dimValue', value: BigInt(size) }
        : { case: 'dimParam', value: size },
  }));
  const tensor = { elemType: dataType, ...(dim === undefined ? {} : { shape: { dim } }) };
  return make('ValueInfoProto', { name, type: { value: { case: 'tensorType', value: tensor } } });
}

/** A graph output whose type is left for the runtime to infer. */
export function makeOutput(name: string): ValueInfoProto {
  return make('ValueInfoProto', { name });
}

export function makeGraph(fields: Partial<Omit<GraphProto, '$typeName'>>): GraphProto {
  return make('GraphProto', { ...fields });
}

/** An operator of the model's own, made of others. */
export function makeFunction(fields: Partial<Omit<FunctionProto, '$typeName'>>): FunctionProto {
  return make('FunctionProto', { ...fields });
}

/** A model of the given operator sets by domain; the empty domain is the standard one. */
export function makeModel(
  graph: GraphProto,
  opsets: Record<string, number>,
  fields: { irVersion?: number; producerName?: string } = {},
): ModelProto {
  const { irVersion = 8, producerName = 'floormesh' } = fields;
  const opsetImport = Object.entries(opsets).map(([domain, version]) => makeOpset(domain, version));
  return make('ModelProto', { irVersion: BigInt(irVersion), producerName, graph, opsetImport });
}

export function makeOpset(domain: string, version: number): OperatorSetIdProto {
  return make('OperatorSetIdProto', { domain, version: BigInt(version) });
}

export function makeEntry(key: string, value: string): StringStringEntryProto {
  return make('StringStringEntryProto', { key, value });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
