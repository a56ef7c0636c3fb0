import { ModelBrokenError } from '../errors.ts';
import { checkNode } from './check-node.ts';
import { checkTensor } from './check-tensor.ts';
import { isExternal } from './external.ts';
import { topologicalOrder } from './order.ts';
import type { FunctionProto, GraphProto, ModelProto, NodeProto } from './types.ts';
import { allNodes, allTensors, subgraphsOf } from './walk.ts';

/**
 * Looks for what makes a model useless whoever runs it, so that a recipe or a runtime need not stumble over it: names
 * that two things have, values that nothing makes, circles, attributes and tensors that are not what they say. In time
 * that grows with the model's size. What operators ask of their inputs is left to the runtime, which knows them all.
 * Values in other files are not looked at: opening a file does that.
 *
 * @throws {ModelBrokenError}
 */
export function checkModel(model: ModelProto): void {
  for (const { tensor, where } of allTensors(model)) if (!isExternal(tensor)) checkTensor(tensor, where);
  for (const node of allNodes(model.graph)) checkNode(node);
  for (const each of model.functions) for (const node of each.node) checkNode(node);
  checkGraph(model.graph, []);
  checkFunctions(model.functions);
}

type Names = ReadonlySet<string>;

function checkGraph(graph: GraphProto, around: readonly Names[]): void {
  const constants = [
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ''),
  ];
  const inputs = graph.input.map(({ name }) => name);
  const where = `graph ${shown(graph.name)}`;
  once(inputs, `two inputs of ${where}`);
  once(constants, `two initializers of ${where}`);
  // An initializer may give an input its default.
  checkValues(graph, new Set([...inputs, ...constants]), around, where);
}

/** A graph's nodes, or a function's, in view of the values that are there before them. */
function checkValues(
  graph: { node: NodeProto[]; output: readonly { name: string }[] },
  given: Names,
  around: readonly Names[],
  where: string,
): void {
  const made = graph.node.flatMap((node) => node.output.filter((name) => name !== ''));
  once([...given, ...made], `two values of ${where}`);
  const scope = [new Set([...given, ...made]), ...around];
  const known = (name: string): boolean => scope.some((names) => names.has(name));
  for (const node of graph.node) {
    for (const name of node.input)
      if (name !== '' && !known(name))
        throw new ModelBrokenError(`${nameOf(node)} reads ${shown(name)}, which nothing makes`);
    for (const inner of subgraphsOf(node)) checkGraph(inner, scope);
  }
  for (const { name } of graph.output)
    if (!known(name)) throw new ModelBrokenError(`nothing makes ${shown(name)}, an output of ${where}`);
  topologicalOrder(graph);
}

function checkFunctions(functions: readonly FunctionProto[]): void {
  const keyOf = (domain: string, name: string, overload: string): string =>
    JSON.stringify([domain, name, overload]);
  const byKey = new Map(functions.map((each) => [keyOf(each.domain, each.name, each.overload), each]));
  const done = new Set<FunctionProto>();
  const open = new Set<FunctionProto>();
  const visit = (each: FunctionProto): void => {
    if (done.has(each)) return;
    const where = `function ${shown(each.name)}`;
    if (open.has(each)) throw new ModelBrokenError(`${where} calls itself`);
    open.add(each);
    for (const inner of nodesOf(each)) {
      const called = byKey.get(keyOf(inner.domain, inner.opType, inner.overload));
      if (called !== undefined) visit(called);
    }
    once(each.input, `two inputs of ${where}`);
    const output = each.output.map((name) => ({ name }));
    checkValues({ node: each.node, output }, new Set(each.input), [], where);
    done.add(each);
  };
  once(
    functions.map((each) => keyOf(each.domain, each.name, each.overload)),
    'two functions',
  );
  for (const each of functions) visit(each);
}

function nodesOf({ node }: FunctionProto): NodeProto[] {
  const inside = (each: NodeProto): NodeProto[] => subgraphsOf(each).flatMap((graph) => [...allNodes(graph)]);
  return node.flatMap((each) => [each, ...inside(each)]);
}

function once(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new ModelBrokenError(`${what} have the name ${shown(name)}`);
    seen.add(name);
  }
}

function nameOf({ opType, name }: NodeProto): string {
  return `${opType.slice(0, 100)} node ${shown(name)}`;
}

/** Names come from a stranger's file. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
