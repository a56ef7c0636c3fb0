import { type GraphView, isStandard, type NodeProto } from '../../onnx/index.ts';

/** What these give lies between -1 and 1. */
const BOUNDED = ['HardSigmoid', 'Sigmoid', 'Softmax', 'Tanh', 'Erf'];

/**
 * Whether a node's results may leave float16's range though what it reads does not, for all that is known without
 * data: products of two activations, of which none is bounded, and quotients by an activation.
 */
export function mayOverflow(view: GraphView, node: NodeProto): boolean {
  const [left = '', right = ''] = node.input;
  if (isStandard(node, 'Div')) return view.constant(right) === undefined;
  if (!isStandard(node, 'Mul', 'MatMul', 'Gemm')) return false;
  return [left, right].every((name) => {
    const maker = view.producer(name);
    return view.constant(name) === undefined && !(maker !== undefined && isStandard(maker, ...BOUNDED));
  });
}
