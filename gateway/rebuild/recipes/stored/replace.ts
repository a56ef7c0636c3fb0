import { makeNode, type NameBook, type NodeProto, type TensorProto } from '../../onnx/index.ts';
import type { FoundConstant } from './find.ts';

/** What stands for a constant: tensors, and the nodes that make its values of them, the last giving `name`. */
export interface StoredForm {
  tensors: TensorProto[];
  nodes: NodeProto[];
}

/**
 * Puts the stored form where the constant was: whatever read the constant reads the result, which has its name. A
 * session folds these nodes when it is made, since all that they read is constant.
 */
export function replaceConstant(
  { graph, tensor, node }: FoundConstant,
  { tensors, nodes }: StoredForm,
): void {
  if (node === undefined) {
    graph.initializer = graph.initializer.filter((each) => each !== tensor);
    graph.node.unshift(...nodes);
  } else graph.node.splice(graph.node.indexOf(node), 1, ...nodes);
  graph.initializer.push(...tensors);
}

/** Short names: in a small model they count. */
export function shortNames(names: NameBook, number: number): (what: string) => string {
  return (what) => names.take(`w${number}_${what}`);
}

export function step(
  opType: string,
  input: string[],
  output: string,
  attributes: Record<string, number> = {},
): NodeProto {
  return makeNode({ opType, name: '', input, output: [output], attributes });
}
