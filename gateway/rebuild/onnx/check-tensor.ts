import { ModelBrokenError } from '../errors.ts';
import { elementBits, isDataType, rawByteLength } from './element-types.ts';
import { shapeCount } from './shape.ts';
import { DATA_TYPE, type TensorProto } from './types.ts';

/** Whether a tensor has as many values as its shape says. @throws {ModelBrokenError} */
export function checkTensor(tensor: TensorProto, where: string): void {
  const count = shapeCount(tensor.dims, where);
  const { dataType, rawData } = tensor;
  const refuse = (why: string): never => {
    throw new ModelBrokenError(`${where} ${why}`);
  };
  if (!isDataType(dataType)) refuse(`has the element type ${dataType}, which ONNX does not have`);
  const { floatData, doubleData, int32Data, int64Data, uint64Data, stringData } = tensor;
  const fields = [floatData, doubleData, int32Data, int64Data, uint64Data, stringData];
  const typed = fields.reduce((sum, { length }) => sum + length, 0);
  if (rawData.byteLength > 0) {
    if (typed > 0) refuse('has its values twice');
    const length = rawByteLength(dataType, count);
    if (rawData.byteLength !== length)
      refuse(`has ${rawData.byteLength} bytes, its type and shape ask for ${length ?? 'strings'}`);
    return;
  }
  const expected = fieldLength(dataType, count);
  if (typed !== expected) refuse(`has ${typed} values, its shape ${tensor.dims.join('x')} says ${expected}`);
}

/** Entries of TensorProto's typed fields: complex numbers take two, narrow integers share one (onnx.proto). */
function fieldLength(dataType: number, count: number): number {
  if (dataType === DATA_TYPE.complex64 || dataType === DATA_TYPE.complex128) return count * 2;
  return Math.ceil((count * Math.min(8, elementBits(dataType) ?? 8)) / 8);
}
