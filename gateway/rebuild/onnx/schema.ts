import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema as FieldSchema,
  FileDescriptorProtoSchema,
  DescriptorProtoSchema,
  FeatureSet_Utf8Validation as Utf8Validation,
  FeatureSetSchema,
  FieldOptionsSchema,
  OneofDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

/**
 * The wire format of ONNX (https://onnx.ai/onnx/repo-docs/IR.html, IR version 13), a line of fields for each message:
 * `number name type`, where `type*` is repeated, `type+` repeated and packed, and `one/name` a member of the oneof
 * `one`. Enumerations are plain `int32`, so that a value from tomorrow survives.
 */
const MESSAGES: Record<string, string> = {
  ModelProto: `1 ir_version int64, 2 producer_name string, 3 producer_version string, 4 domain string,
    5 model_version int64, 6 doc_string string, 7 graph GraphProto, 8 opset_import OperatorSetIdProto*,
    14 metadata_props StringStringEntryProto*, 20 training_info TrainingInfoProto*, 25 functions FunctionProto*,
    26 configuration DeviceConfigurationProto*`,
  GraphProto: `1 node NodeProto*, 2 name string, 5 initializer TensorProto*, 10 doc_string string,
    11 input ValueInfoProto*, 12 output ValueInfoProto*, 13 value_info ValueInfoProto*,
    14 quantization_annotation TensorAnnotation*, 15 sparse_initializer SparseTensorProto*,
    16 metadata_props StringStringEntryProto*`,
  NodeProto: `1 input string*, 2 output string*, 3 name string, 4 op_type string, 5 attribute AttributeProto*,
    6 doc_string string, 7 domain string, 8 overload string, 9 metadata_props StringStringEntryProto*,
    10 device_configurations NodeDeviceConfigurationProto*`,
  AttributeProto: `1 name string, 2 f float, 3 i int64, 4 s bytes, 5 t TensorProto, 6 g GraphProto, 7 floats float*,
    8 ints int64*, 9 strings bytes*, 10 tensors TensorProto*, 11 graphs GraphProto*, 13 doc_string string,
    14 tp TypeProto, 15 type_protos TypeProto*, 20 type int32, 21 ref_attr_name string,
    22 sparse_tensor SparseTensorProto, 23 sparse_tensors SparseTensorProto*`,
  TensorProto: `1 dims int64*, 2 data_type int32, 3 segment Segment, 4 float_data float+, 5 int32_data int32+,
    6 string_data bytes*, 7 int64_data int64+, 8 name string, 9 raw_data bytes, 10 double_data double+,
    11 uint64_data uint64+, 12 doc_string string, 13 external_data StringStringEntryProto*, 14 data_location int32,
    16 metadata_props StringStringEntryProto*`,
  Segment: '1 begin int64, 2 end int64',
  SparseTensorProto: '1 values TensorProto, 2 indices TensorProto, 3 dims int64*',
  ValueInfoProto: `1 name string, 2 type TypeProto, 3 doc_string string, 4 metadata_props StringStringEntryProto*`,
  TypeProto: `1 value/tensor_type TensorTypeProto, 4 value/sequence_type ElementTypeProto, 5 value/map_type MapTypeProto,
    6 denotation string, 7 value/opaque_type OpaqueTypeProto, 8 value/sparse_tensor_type TensorTypeProto,
    9 value/optional_type ElementTypeProto`,
  TensorTypeProto: '1 elem_type int32, 2 shape TensorShapeProto',
  ElementTypeProto: '1 elem_type TypeProto',
  MapTypeProto: '1 key_type int32, 2 value_type TypeProto',
  OpaqueTypeProto: '1 domain string, 2 name string',
  TensorShapeProto: '1 dim DimensionProto*',
  DimensionProto: '1 value/dim_value int64, 2 value/dim_param string, 3 denotation string',
  OperatorSetIdProto: '1 domain string, 2 version int64',
  StringStringEntryProto: '1 key string, 2 value string',
  TensorAnnotation: '1 tensor_name string, 2 quant_parameter_tensor_names StringStringEntryProto*',
  TrainingInfoProto: `1 initialization GraphProto, 2 algorithm GraphProto,
    3 initialization_binding StringStringEntryProto*, 4 update_binding StringStringEntryProto*`,
  FunctionProto: `1 name string, 4 input string*, 5 output string*, 6 attribute string*, 7 node NodeProto*,
    8 doc_string string, 9 opset_import OperatorSetIdProto*, 10 domain string, 11 attribute_proto AttributeProto*,
    12 value_info ValueInfoProto*, 13 overload string, 14 metadata_props StringStringEntryProto*`,
  DeviceConfigurationProto: '1 name string, 2 num_devices int32, 3 device string*',
  NodeDeviceConfigurationProto: `1 configuration_id string, 2 sharding_spec ShardingSpecProto*,
    3 pipeline_stage int32`,
  ShardingSpecProto: `1 tensor_name string, 2 device int64*, 3 index_to_device_group_map IntIntListEntryProto*,
    4 sharded_dim ShardedDimProto*`,
  IntIntListEntryProto: '1 key int64, 2 value int64*',
  ShardedDimProto: '1 axis int64, 2 simple_sharding SimpleShardedDimProto*',
  SimpleShardedDimProto: '1 dim/dim_value int64, 2 dim/dim_param string, 3 num_shards int64',
};

const SCALARS: Record<string, Type> = {
  float: Type.FLOAT,
  double: Type.DOUBLE,
  int32: Type.INT32,
  int64: Type.INT64,
  uint64: Type.UINT64,
  string: Type.STRING,
  bytes: Type.BYTES,
};

const PACKAGE = 'onnx';
/** Text that is no UTF-8 would come out changed: it is refused. */
const STRICT_TEXT = create(FeatureSetSchema, { utf8Validation: Utf8Validation.VERIFY });

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'onnx.proto',
    package: PACKAGE,
    syntax: 'proto2',
    messageType: Object.entries(MESSAGES).map(([name, fields]) => message(name, fields)),
  }),
  () => undefined,
);

/**
 * The descriptor of one message of ONNX.
 *
 * @throws {TypeError} for a name that ONNX does not have
 */
export function schemaOf(name: string): DescMessage {
  const found = registry.getMessage(`${PACKAGE}.${name}`);
  if (found === undefined) throw new TypeError(`ONNX has no message ${name}`);
  return found;
}

function message(name: string, fields: string): DescriptorProto {
  const oneofs: string[] = [];
  const field = fields.split(',').map((line) => parseField(line.trim(), oneofs));
  const oneofDecl = oneofs.map((oneof) => create(OneofDescriptorProtoSchema, { name: oneof }));
  return create(DescriptorProtoSchema, { name, field, oneofDecl });
}

function parseField(line: string, oneofs: string[]): FieldDescriptorProto {
  const [number = '', path = '', spec = ''] = line.split(/\s+/);
  const [name = '', oneof] = path.split('/').reverse();
  const [, type = '', marker] = /^(\w+)([*+]?)$/.exec(spec) ?? [];
  if (oneof !== undefined && !oneofs.includes(oneof)) oneofs.push(oneof);
  const scalar = SCALARS[type];
  return create(FieldSchema, {
    name,
    number: Number(number),
    label: marker === '' ? Label.OPTIONAL : Label.REPEATED,
    ...(scalar === undefined ? { type: Type.MESSAGE, typeName: `.${PACKAGE}.${type}` } : { type: scalar }),
    ...(oneof === undefined ? {} : { oneofIndex: oneofs.indexOf(oneof) }),
    ...(type === 'string' ? { options: create(FieldOptionsSchema, { features: STRICT_TEXT }) } : {}),
    ...(marker === '+' ? { options: create(FieldOptionsSchema, { packed: true }) } : {}),
  });
}
