import {
  decodeModel,
  encodeModel,
  GraphView,
  isStandard,
  type ModelProto,
  type NodeProto,
  readTensor,
  setAttribute,
  tensorAttribute,
  type TensorProto,
  writeTensor,
} from '../../../gateway/rebuild/onnx/index.ts';

/**
 * Cuts the last layer of a classifier (MatMul, Add, Softmax) down to some of its classes. What it says of them stays
 * as it was, up to the Softmax's sum.
 *
 * @param model ONNX @param classes indices of the classes to keep, in their new order
 * @throws {TypeError} when the model ends in something else
 */
export function cutHead(model: Uint8Array, classes: readonly number[]): Uint8Array {
  const decoded = decodeModel(model);
  const view = new GraphView(decoded.graph);
  const output = decoded.graph.output[0];
  const softmax = producer(view, output?.name, 'Softmax');
  const add = producer(view, softmax.input[0], 'Add');
  const product = add.input.findIndex((name) => view.producer(name)?.opType === 'MatMul');
  const matmul = producer(view, add.input[product], 'MatMul');
  replaceConstant(decoded, view, matmul.input[1]!, classes);
  replaceConstant(decoded, view, add.input[1 - product]!, classes);
  const type = output?.type?.value;
  const classDimension = type?.case === 'tensorType' ? type.value.shape?.dim.at(-1) : undefined;
  if (classDimension !== undefined)
    classDimension.value = { case: 'dimValue', value: BigInt(classes.length) };
  // Shapes noted on the way may state the old number of classes; a runtime infers them anew.
  decoded.graph.valueInfo = [];
  return encodeModel(decoded);
}

function producer(view: GraphView, name: string | undefined, opType: string): NodeProto {
  const node = name === undefined ? undefined : view.producer(name);
  if (node === undefined || !isStandard(node, opType))
    throw new TypeError(`the model's head has no ${opType}`);
  return node;
}

/** Older exporters keep weights in Constant nodes instead of initializers. */
function replaceConstant(model: ModelProto, view: GraphView, name: string, classes: readonly number[]): void {
  const initializer = view.initializers.get(name);
  if (initializer !== undefined) {
    model.graph.initializer[model.graph.initializer.indexOf(initializer)] = pickColumns(initializer, classes);
    return;
  }
  const constant = producer(view, name, 'Constant');
  const value = tensorAttribute(constant, 'value');
  if (value === undefined) throw new TypeError(`${name} is no tensor`);
  setAttribute(constant, 'value', pickColumns(value, classes));
}

function pickColumns(tensor: TensorProto, classes: readonly number[]): TensorProto {
  const { type, dims, data } = readTensor(tensor);
  const columns = dims.at(-1) ?? 0;
  if (!(data instanceof Float32Array) || classes.some((index) => index >= columns))
    throw new TypeError(`${tensor.name} of ${dims.join('x')} has not the classes that are asked for`);
  const rows = data.length / columns;
  const picked = new Float32Array(rows * classes.length);
  for (let row = 0; row < rows; row += 1)
    classes.forEach((index, i) => (picked[row * classes.length + i] = data[row * columns + index]!));
  return writeTensor(tensor.name, { type, dims: [...dims.slice(0, -1), classes.length], data: picked });
}
