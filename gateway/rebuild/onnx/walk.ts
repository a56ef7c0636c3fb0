import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
} from './types.ts';

/** The graphs that a node runs by itself: the branches of If, the bodies of Loop and Scan. */
export function subgraphsOf(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap((attribute) => graphsOf(attribute));
}

/** A graph and every graph inside its nodes, outermost first. */
export function* allGraphs(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  for (const node of graph.node) for (const inner of subgraphsOf(node)) yield* allGraphs(inner);
}

/** Every node of a graph, those of its subgraphs included. */
export function* allNodes(graph: GraphProto): Generator<NodeProto> {
  for (const each of allGraphs(graph)) yield* each.node;
}

/** Every tensor that a model holds, wherever it stands, with words that say where. */
export function* allTensors(model: ModelProto): Generator<{ tensor: TensorProto; where: string }> {
  yield* tensorsOfGraph(model.graph);
  for (const { initialization, algorithm } of model.trainingInfo) {
    if (initialization !== undefined) yield* tensorsOfGraph(initialization);
    if (algorithm !== undefined) yield* tensorsOfGraph(algorithm);
  }
  for (const each of model.functions) {
    for (const attribute of each.attributeProto)
      yield* tensorsOfAttribute(attribute, `function ${each.name}`);
    for (const node of each.node) yield* tensorsOfNode(node);
  }
}

function* tensorsOfGraph(graph: GraphProto): Generator<{ tensor: TensorProto; where: string }> {
  for (const tensor of graph.initializer) yield { tensor, where: `initializer ${tensor.name}` };
  for (const sparse of graph.sparseInitializer)
    for (const tensor of partsOf(sparse)) yield { tensor, where: `sparse initializer ${tensor.name}` };
  for (const node of graph.node) yield* tensorsOfNode(node);
}

function* tensorsOfNode(node: NodeProto): Generator<{ tensor: TensorProto; where: string }> {
  for (const attribute of node.attribute)
    yield* tensorsOfAttribute(attribute, `${node.opType} node ${node.name}`);
}

function* tensorsOfAttribute(
  attribute: AttributeProto,
  where: string,
): Generator<{ tensor: TensorProto; where: string }> {
  const sparse = [...(attribute.sparseTensor === undefined ? [] : [attribute.sparseTensor])];
  const own = [...(attribute.t === undefined ? [] : [attribute.t]), ...attribute.tensors];
  for (const each of [...sparse, ...attribute.sparseTensors]) own.push(...partsOf(each));
  for (const tensor of own) yield { tensor, where: `attribute ${attribute.name} of ${where}` };
  for (const graph of graphsOf(attribute)) yield* tensorsOfGraph(graph);
}

function graphsOf(attribute: AttributeProto): GraphProto[] {
  return attribute.g === undefined ? attribute.graphs : [attribute.g, ...attribute.graphs];
}

function partsOf(sparse: SparseTensorProto): TensorProto[] {
  return [sparse.values, sparse.indices].filter((part) => part !== undefined);
}
