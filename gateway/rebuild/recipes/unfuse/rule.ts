import type { GraphView, NodeProto } from '../../onnx/index.ts';
import type { NodeWriter } from '../products/node-writer.ts';

/** What is known of the graph that a fused node is in. */
export interface FusedPlace {
  view: GraphView;
  /** The standard operator set of the model. */
  opset: number;
  /** The shape of a value, where it is known. */
  shapeOf: (value: string) => readonly (number | string)[] | undefined;
}

/**
 * Writes the operators that a fused one stands for, which give its outputs by their names.
 *
 * @returns whether it could: nothing is written where not
 */
export type UnfuseRule = (writer: NodeWriter, node: NodeProto, place: FusedPlace) => boolean;

/** Whether some input of a node, by its place, is there. */
export function hasInput({ input }: NodeProto, index: number): boolean {
  return (input[index] ?? '') !== '';
}

/** Whether a node gives an output, by its place, under a name. */
export function hasOutput({ output }: NodeProto, index: number): boolean {
  return (output[index] ?? '') !== '';
}
