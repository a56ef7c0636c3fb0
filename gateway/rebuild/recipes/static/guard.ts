import {
  type GraphProto,
  GraphView,
  isStandard,
  makeNode,
  NameBook,
  type NodeProto,
} from '../../onnx/index.ts';
import { LIMITERS } from './select.ts';

/** What ONNX Runtime quantises by itself. */
const QUANTISED_UNASKED = ['Conv', 'ConvTranspose', 'Gemm'];

/**
 * Keeps the runtime from quantising what was left in fp32. Between a DequantizeLinear and a QuantizeLinear, ONNX Runtime
 * 1.30 (WeightBiasQuantization, at level `basic`) rounds the weights of a node to 8 bits itself, with one scale for all
 * channels; on some models it then gives two nodes the same name and opens none of it. LeakyRelu with slope 1 behind the
 * node changes nothing but that: at level `extended` it becomes part of the convolution, and costs no time.
 */
export function guardFloat(graph: GraphProto): void {
  const view = new GraphView(graph);
  const names = new NameBook(graph);
  const madeOf = (name: string | undefined, opType: string): boolean => {
    const maker = name === undefined ? undefined : view.producer(name);
    return maker !== undefined && isStandard(maker, opType);
  };
  graph.node = graph.node.flatMap((node) => {
    const [output = ''] = node.output;
    const isFloat = isStandard(node, ...QUANTISED_UNASKED) && !madeOf(node.input[1], 'DequantizeLinear');
    if (!isFloat || !madeOf(node.input[0], 'DequantizeLinear') || !isQuantised(view, output)) return [node];
    const source = names.take(`${output}_float`);
    node.output = [source];
    return [node, passOn(names.take(`${node.name}_float`), source, output)];
  });
}

/** Whether all that reads a value writes it in 8 bits, behind a Relu or Clip or not. */
function isQuantised(view: GraphView, name: string): boolean {
  const uses = view.uses(name);
  if (uses.length === 0 || view.isOutput(name)) return false;
  return uses.every(({ node, index }) => {
    if (index < 0) return false;
    if (isStandard(node, 'QuantizeLinear')) return true;
    return isStandard(node, ...LIMITERS) && isQuantised(view, node.output[0] ?? '');
  });
}

function passOn(name: string, from: string, to: string): NodeProto {
  const attributes = { alpha: { float: 1 } };
  return makeNode({ opType: 'LeakyRelu', name, input: [from], output: [to], attributes });
}
