import {
  DATA_TYPE,
  float32Tensor,
  floatAttribute,
  intAttribute,
  isFloat32,
  isStandard,
  type NodeProto,
} from '../../onnx/index.ts';
import { floatsOf, withFloats } from '../constants.ts';
import { SMALLEST_TABLE } from '../tables.ts';
import type { HeldConstant, Scope } from './scope.ts';
import { transposed, type WeightForm } from './weight-book.ts';
import type { DynamicWriter } from './writer.ts';

/** A matrix product whose weights are constant. */
interface Product {
  constant: HeldConstant;
  form: WeightForm;
}

/** The weights of a MatMul or Gemm with constant weights; undefined for any other node. */
export function productOf(scope: Scope, node: NodeProto): Product | undefined {
  const constant = isStandard(node, 'MatMul', 'Gemm') ? scope.constant(node.input[1]) : undefined;
  if (constant === undefined || scope.constant(node.input[0]) !== undefined) return undefined;
  const { tensor } = constant;
  const [rows = 0, columns = 0] = tensor.dims.map(Number);
  if (!isFloat32(tensor) || tensor.dims.length !== 2 || rows * columns < SMALLEST_TABLE) return undefined;
  if (intAttribute(node, 'transA', 0) !== 0) return undefined;
  const turn = intAttribute(node, 'transB', 0) !== 0;
  const factor = node.opType === 'Gemm' ? floatAttribute(node, 'alpha', 1) : 1;
  const [inputs, outputs] = turn ? [columns, rows] : [rows, columns];
  const arrange = (values: Float32Array): Float32Array => {
    const scaled = factor === 1 ? values : values.map((value) => value * factor);
    return turn ? transposed(scaled, rows, columns) : scaled;
  };
  const form = {
    key: `${turn}/${factor}`,
    stacks: 1,
    inputs,
    outputs,
    dims: { weights: [inputs, outputs], scales: [outputs] },
    arrange,
  };
  return { constant, form };
}

/**
 * y = (x_q − zero) · w_q, as integers, times both scales. The runtime makes one operator of it, with the sum that
 * follows. Weights are symmetric and say nothing about a zero point: one of zeros costs a pass over the activations.
 */
export function writeProduct(writer: DynamicWriter, node: NodeProto, { constant, form }: Product): void {
  const { name } = node;
  const [input = '', , bias = ''] = node.input;
  const { weights, scales } = writer.weights(constant, form);
  const { levels, scale, zero } = writer.activation(input);
  const sums = writer.add(name, { opType: 'MatMulInteger', input: [levels, weights, zero] });
  const floats = writer.add(name, {
    opType: 'Cast',
    input: [sums],
    attributes: { to: DATA_TYPE.float32 },
  });
  const both = writer.add(name, { opType: 'Mul', input: [scale, scales] });
  const [output = ''] = node.output;
  const added = node.opType === 'Gemm' ? biasOf(writer, node, bias) : undefined;
  if (added === undefined) {
    writer.add(name, { opType: 'Mul', input: [floats, both], output });
    return;
  }
  const product = writer.add(name, { opType: 'Mul', input: [floats, both] });
  writer.add(name, { opType: 'Add', input: [product, added], output });
}

/** Gemm's third input times beta; undefined where it has none. */
function biasOf(writer: DynamicWriter, node: NodeProto, value: string): string | undefined {
  const beta = floatAttribute(node, 'beta', 1);
  if (value === '' || beta === 0) return undefined;
  if (beta === 1) return value;
  const { name } = node;
  const tensor = writer.scope.constant(value)?.tensor;
  if (tensor !== undefined && isFloat32(tensor))
    return writer.constant(name, 'bias', (made) =>
      withFloats(
        tensor,
        made,
        floatsOf(tensor).map((each) => each * beta),
      ),
    );
  const factor = writer.constant(name, 'beta', (made) => float32Tensor(made, [beta], []));
  return writer.add(name, { opType: 'Mul', input: [value, factor] });
}
