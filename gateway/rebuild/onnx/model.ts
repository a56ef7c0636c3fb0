import { fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { ModelNotOnnxError } from '../errors.ts';
import { isExternal, keepsOutside } from './external.ts';
import { schemaOf } from './schema.ts';
import type { GraphProto, ModelProto, TensorProto } from './types.ts';
import { allTensors } from './walk.ts';

/** The newest ONNX IR version whose fields are all known here. */
const NEWEST_IR_VERSION = 13n;

/**
 * Reads an ONNX file. Fields that are not known here are kept and written again by `encodeModel`. Weights are views
 * of `bytes`, not copies.
 *
 * @throws {ModelNotOnnxError} when the bytes are no ONNX model, are cut off, or are of a newer IR version
 * @throws {ModelExternalDataError} when it keeps weights in other files
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const model = decodeUnchecked(bytes);
  for (const { tensor, where } of allTensors(model))
    if (isExternal(tensor)) throw keepsOutside(tensor, where);
  return model;
}

/** As `decodeModel`, but values in other files are no matter. @throws {ModelNotOnnxError} */
export function decodeUnchecked(bytes: Uint8Array): ModelProto {
  let decoded: Message;
  try {
    decoded = fromBinary(schemaOf('ModelProto'), bytes);
  } catch (cause) {
    const deep = cause instanceof Error && cause.message.includes('recursion');
    const why = deep ? 'it is nested deeper than any exporter writes' : 'or it is cut off';
    throw new ModelNotOnnxError(`the file is not an ONNX model, ${why}`, { cause });
  }
  const model = decoded as ModelProto;
  refuseOther(model);
  return model;
}

/** Writes a model. The same model gives the same bytes: fields go by number, unknown ones last. */
export function encodeModel(model: ModelProto): Uint8Array {
  return toBinary(schemaOf('ModelProto'), model as Message);
}

/** The encoding of one tensor, without a header. */
export function encodeTensor(tensor: TensorProto): Uint8Array {
  return toBinary(schemaOf('TensorProto'), tensor as Message);
}

function refuseOther(model: ModelProto): void {
  if (model.irVersion < 1n) throw new ModelNotOnnxError('the file has no ONNX IR version');
  if (model.irVersion > NEWEST_IR_VERSION)
    throw new ModelNotOnnxError(
      `the model is of ONNX IR version ${model.irVersion}; the newest known is ${NEWEST_IR_VERSION}`,
    );
  const graph: GraphProto | undefined = model.graph;
  if (graph === undefined) throw new ModelNotOnnxError('the file has no graph, or it is cut off');
  if (graph.node.length === 0) throw new ModelNotOnnxError('the graph has no nodes');
  if (graph.output.length === 0) throw new ModelNotOnnxError('the graph has no outputs');
  if (model.opsetImport.length === 0)
    throw new ModelNotOnnxError('the file names no operator set, or it is cut off');
}
