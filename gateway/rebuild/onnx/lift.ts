import { LiftError } from '../errors.ts';
import { isStandard, opsetOf, setOpset } from './attributes.ts';
import { capturedBy, NameBook } from './graph.ts';
import { ENDED_OPERATORS, LIFT_RULES, type LiftScope, refuse } from './lift-rules.ts';
import type { GraphProto, ModelProto, NodeProto } from './types.ts';
import { allGraphs } from './walk.ts';

/** The operator set that per-channel quantisation needs. */
export const TARGET_OPSET = 13;
/** Models from before 2017's operator set 7 broadcast by other rules. */
const OLDEST_OPSET = 7;

/**
 * Brings a model of the standard operator sets 7 to 12 to 13, in place; a newer one stays as it is. The rules follow
 * the change logs of the operators (https://onnx.ai/onnx/operators/).
 *
 * @param rankOf the number of dimensions of a value, where it is known: results come out simpler then
 * @throws {LiftError} naming the operator and the node that cannot be brought over
 */
export function liftOpset(
  model: ModelProto,
  rankOf: (value: string) => number | undefined = () => undefined,
): void {
  const from = opsetOf(model);
  if (from === undefined || from >= TARGET_OPSET) return;
  if (from < OLDEST_OPSET)
    throw new LiftError(
      `the model is of operator set ${from}; the oldest that can be lifted is ${OLDEST_OPSET}`,
    );
  if (model.functions.length > 0) throw new LiftError('the model brings functions of its own');
  const names = new NameBook(model.graph);
  for (const graph of [...allGraphs(model.graph)]) {
    const scope: LiftScope = { graph, names, from, rankOf, read: readIn(graph) };
    graph.node = graph.node.flatMap((node) => liftNode(node, scope));
  }
  setOpset(model, '', TARGET_OPSET);
}

function liftNode(node: NodeProto, scope: LiftScope): NodeProto[] {
  if (!isStandard(node, node.opType)) return [node];
  if (ENDED_OPERATORS.has(node.opType)) refuse(node, 'the operator does not exist any more');
  const entry = Object.hasOwn(LIFT_RULES, node.opType) ? LIFT_RULES[node.opType] : undefined;
  if (entry === undefined || scope.from >= entry.since) return [node];
  return entry.rule(node, scope) ?? [node];
}

function readIn(graph: GraphProto): Set<string> {
  const read = new Set(graph.output.map(({ name }) => name));
  for (const node of graph.node) for (const name of [...node.input, ...capturedBy(node)]) read.add(name);
  return read;
}
