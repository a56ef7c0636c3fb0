import { LiftError } from '../errors.ts';
import { isStandard, opsetOf, setOpset } from './attributes.ts';
import { capturedBy, NameBook } from './graph.ts';
import { RULES_TO_21 } from './lift-rules-21.ts';
import { ENDED_OPERATORS, type LiftScope, refuse, RULES_TO_13 } from './lift-rules.ts';
import type { GraphProto, ModelProto, NodeProto } from './types.ts';
import { allGraphs } from './walk.ts';

/** The operator set that per-channel quantisation needs. */
export const TARGET_OPSET = 13;
/** The operator set that quantisation in blocks and in four bits needs, and the newest that models are lifted to. */
export const NEWEST_TARGET_OPSET = 21;
/** Models from before 2017's operator set 7 broadcast by other rules. */
const OLDEST_OPSET = 7;

/**
 * Brings a model of an older standard operator set to `to`, in place; a newer one stays as it is. The rules follow the
 * change logs of the operators (https://onnx.ai/onnx/operators/).
 *
 * @param rankOf the number of dimensions of a value, where it is known: results come out simpler then
 * @param to from 13 to 21
 * @throws {LiftError} naming the operator and the node that cannot be brought over
 */
export function liftOpset(
  model: ModelProto,
  rankOf: (value: string) => number | undefined = () => undefined,
  to = TARGET_OPSET,
): void {
  if (to < TARGET_OPSET || to > NEWEST_TARGET_OPSET) throw new TypeError(`no rules for operator set ${to}`);
  const from = opsetOf(model);
  if (from === undefined || from >= to) return;
  if (from < OLDEST_OPSET)
    throw new LiftError(
      `the model is of operator set ${from}; the oldest that can be lifted is ${OLDEST_OPSET}`,
    );
  if (model.functions.length > 0) throw new LiftError('the model brings functions of its own');
  const names = new NameBook(model.graph);
  // One set after the other: what a rule makes is subject to the rules of later sets.
  for (let version = from + 1; version <= to; version += 1)
    for (const graph of [...allGraphs(model.graph)]) {
      const scope: LiftScope = { graph, names, rankOf, read: readIn(graph) };
      graph.node = graph.node.flatMap((node) => liftNode(node, version, scope));
    }
  setOpset(model, '', to);
  const irVersion = irVersionOf(to);
  if (model.irVersion < irVersion) model.irVersion = irVersion;
}

function liftNode(node: NodeProto, version: number, scope: LiftScope): NodeProto[] {
  if (!isStandard(node, node.opType)) return [node];
  if (ENDED_OPERATORS.has(node.opType)) refuse(node, 'the operator does not exist any more');
  for (const rules of [RULES_TO_13, RULES_TO_21]) {
    const step = Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
    if (step?.since === version) return step.rule(node, scope) ?? [node];
  }
  return [node];
}

/** The IR version that came with an operator set (https://onnx.ai/onnx/repo-docs/Versioning.html, released versions). */
function irVersionOf(opset: number): bigint {
  if (opset < 15) return 7n;
  if (opset < 19) return 8n;
  return opset < 21 ? 9n : 10n;
}

function readIn(graph: GraphProto): Set<string> {
  const read = new Set(graph.output.map(({ name }) => name));
  for (const node of graph.node) for (const name of [...node.input, ...capturedBy(node)]) read.add(name);
  return read;
}
