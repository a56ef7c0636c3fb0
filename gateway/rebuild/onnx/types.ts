/**
 * The messages of ONNX as TypeScript sees them, with camel-case names. A scalar that is not set reads as its zero
 * value. Make new ones with the functions of make.ts: they carry a marker that the encoder asks for.
 */
interface Message {
  readonly $typeName: string;
}

export interface StringStringEntryProto extends Message {
  key: string;
  value: string;
}

export interface OperatorSetIdProto extends Message {
  /** Empty for the standard operators. */
  domain: string;
  version: bigint;
}

export interface ModelProto extends Message {
  irVersion: bigint;
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: bigint;
  docString: string;
  /** Always there in what `decodeModel` returns. */
  graph: GraphProto;
  opsetImport: OperatorSetIdProto[];
  metadataProps: StringStringEntryProto[];
  trainingInfo: TrainingInfoProto[];
  functions: FunctionProto[];
}

export interface TrainingInfoProto extends Message {
  initialization?: GraphProto;
  algorithm?: GraphProto;
}

export interface GraphProto extends Message {
  node: NodeProto[];
  name: string;
  initializer: TensorProto[];
  sparseInitializer: SparseTensorProto[];
  docString: string;
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  valueInfo: ValueInfoProto[];
  metadataProps: StringStringEntryProto[];
}

export interface FunctionProto extends Message {
  name: string;
  domain: string;
  overload: string;
  input: string[];
  output: string[];
  attribute: string[];
  attributeProto: AttributeProto[];
  node: NodeProto[];
  opsetImport: OperatorSetIdProto[];
}

export interface NodeProto extends Message {
  /** Names of values; an empty one is an optional input that is left out. */
  input: string[];
  output: string[];
  name: string;
  opType: string;
  domain: string;
  overload: string;
  attribute: AttributeProto[];
  docString: string;
  metadataProps: StringStringEntryProto[];
}

export interface AttributeProto extends Message {
  name: string;
  refAttrName: string;
  /** One of `ATTRIBUTE_TYPE`; says which of the fields below counts. */
  type: number;
  f: number;
  i: bigint;
  s: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  sparseTensor?: SparseTensorProto;
  floats: number[];
  ints: bigint[];
  strings: Uint8Array[];
  tensors: TensorProto[];
  graphs: GraphProto[];
  sparseTensors: SparseTensorProto[];
  tp?: TypeProto;
  typeProtos: TypeProto[];
}

export interface TensorProto extends Message {
  dims: bigint[];
  /** One of `DATA_TYPE`, or a newer value. */
  dataType: number;
  name: string;
  rawData: Uint8Array;
  floatData: number[];
  int32Data: number[];
  int64Data: bigint[];
  doubleData: number[];
  uint64Data: bigint[];
  stringData: Uint8Array[];
  externalData: StringStringEntryProto[];
  dataLocation: number;
  docString: string;
}

export interface SparseTensorProto extends Message {
  values?: TensorProto;
  indices?: TensorProto;
  dims: bigint[];
}

export interface ValueInfoProto extends Message {
  name: string;
  type?: TypeProto;
  docString: string;
}

export interface TypeProto extends Message {
  value:
    | { case: 'tensorType' | 'sparseTensorType'; value: TensorTypeProto }
    | { case: 'sequenceType' | 'optionalType' | 'mapType' | 'opaqueType'; value: Message }
    | { case: undefined; value?: undefined };
  denotation: string;
}

export interface TensorTypeProto extends Message {
  elemType: number;
  shape?: TensorShapeProto;
}

export interface TensorShapeProto extends Message {
  dim: DimensionProto[];
}

export interface DimensionProto extends Message {
  value:
    | { case: 'dimValue'; value: bigint }
    | { case: 'dimParam'; value: string }
    | { case: undefined; value?: undefined };
}

/** TensorProto.DataType. */
export const DATA_TYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
  float8e8m0: 24,
  uint2: 25,
  int2: 26,
} as const;

/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparseTensor: 11,
  sparseTensors: 12,
  type: 13,
  types: 14,
} as const;
