import { type GraphView, isStandard, type NodeProto } from '../../onnx/index.ts';
import { scalarOf, splitBinary } from '../constants.ts';

/** y = factor · x + shift with two numbers. */
export interface ScalarAffine {
  variable: string;
  factor: number;
  shift: number;
}

/**
 * Mul by a positive number, or Add of one: on 8-bit values that is only another way to read them, and no work.
 * Undefined for every other node.
 */
export function scalarAffine(view: GraphView, node: NodeProto): ScalarAffine | undefined {
  const split = isStandard(node, 'Mul', 'Add') ? splitBinary(view, node) : undefined;
  if (split === undefined || split.constant.dims.length > 1) return undefined;
  const value = scalarOf(split.constant);
  if (value === undefined || !Number.isFinite(value)) return undefined;
  if (node.opType === 'Add') return { variable: split.variable, factor: 1, shift: value };
  return value > 0 ? { variable: split.variable, factor: value, shift: 0 } : undefined;
}

/**
 * The first shift that a value gets on its way through such nodes, in the value's own units: the grid of the value
 * should make it a whole number of steps.
 */
export function firstShift(
  view: GraphView,
  carried: ReadonlySet<NodeProto>,
  value: string,
): number | undefined {
  for (const { node, index } of view.uses(value)) {
    if (index < 0 || !carried.has(node)) continue;
    const affine = scalarAffine(view, node);
    if (affine === undefined) continue;
    if (affine.shift !== 0) return affine.shift;
    const further = firstShift(view, carried, node.output[0] ?? '');
    if (further !== undefined) return further / affine.factor;
  }
  return undefined;
}
