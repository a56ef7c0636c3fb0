import type { GraphProto, NodeProto, TensorProto } from './types.ts';
import { allGraphs, allNodes, subgraphsOf } from './walk.ts';

/** One use of a value: the node that reads it, and as which input. Index -1: a subgraph inside the node reads it. */
export interface Use {
  node: NodeProto;
  index: number;
}

/** Who makes and who reads each value of one graph. A view: make a new one after changing the graph. */
export class GraphView {
  readonly initializers = new Map<string, TensorProto>();
  readonly #producers = new Map<string, NodeProto>();
  readonly #uses = new Map<string, Use[]>();
  readonly #outputs: Set<string>;

  constructor(graph: GraphProto) {
    for (const tensor of graph.initializer) this.initializers.set(tensor.name, tensor);
    this.#outputs = new Set(graph.output.map(({ name }) => name));
    for (const node of graph.node) {
      for (const name of node.output) if (name !== '') this.#producers.set(name, node);
      node.input.forEach((name, index) => this.#use(name, { node, index }));
      for (const name of capturedBy(node)) this.#use(name, { node, index: -1 });
    }
  }

  producer(name: string): NodeProto | undefined {
    return this.#producers.get(name);
  }

  uses(name: string): readonly Use[] {
    return this.#uses.get(name) ?? [];
  }

  isOutput(name: string): boolean {
    return this.#outputs.has(name);
  }

  /** The constant that an input is, if it is one. */
  constant(name: string | undefined): TensorProto | undefined {
    return name === undefined ? undefined : this.initializers.get(name);
  }

  /** The one node that reads a value which is nothing else's: no output, no other use. */
  onlyConsumer(name: string): NodeProto | undefined {
    const uses = this.uses(name);
    const [use] = uses;
    return use === undefined || uses.length > 1 || use.index === -1 || this.isOutput(name)
      ? undefined
      : use.node;
  }

  #use(name: string, use: Use): void {
    if (name === '') return;
    const uses = this.#uses.get(name);
    if (uses === undefined) this.#uses.set(name, [use]);
    else uses.push(use);
  }
}

/** The values of the graph around it that a node's subgraphs read. */
export function capturedBy(node: NodeProto): Set<string> {
  const captured = new Set<string>();
  for (const graph of subgraphsOf(node)) {
    const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
    for (const inner of graph.node) for (const name of inner.output) own.add(name);
    const read = graph.node.flatMap((inner) => [...inner.input, ...capturedBy(inner)]);
    for (const name of [...read, ...graph.output.map((output) => output.name)])
      if (name !== '' && !own.has(name)) captured.add(name);
  }
  return captured;
}

/** Hands out names that no value and no node of a graph has, subgraphs included. */
export class NameBook {
  readonly #taken = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(graph: GraphProto) {
    for (const each of allGraphs(graph)) {
      for (const { name } of [...each.input, ...each.initializer, ...each.output]) this.#taken.add(name);
      for (const { values } of each.sparseInitializer) if (values !== undefined) this.#taken.add(values.name);
    }
    for (const node of allNodes(graph)) for (const name of [node.name, ...node.output]) this.#taken.add(name);
  }

  /** `wish` itself where it is free, else with the smallest number that makes it so. */
  take(wish: string): string {
    let name = wish;
    let count = this.#counts.get(wish) ?? 0;
    for (; this.#taken.has(name); name = `${wish}_${count}`) count += 1;
    this.#counts.set(wish, count);
    this.#taken.add(name);
    return name;
  }
}

/**
 * Drops nodes whose results nobody reads, at the end or in between, then constants that nobody reads. What a subgraph
 * reads of the graph around it counts. Subgraphs themselves stay as they are.
 */
export function dropUnused(graph: GraphProto): void {
  const makers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name !== '') makers.set(name, node);
  const read = new Set<string>();
  const used = new Set<NodeProto>();
  const open = graph.output.map(({ name }) => name);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (read.has(name)) continue;
    read.add(name);
    const maker = makers.get(name);
    if (maker === undefined || used.has(maker)) continue;
    used.add(maker);
    open.push(...maker.input, ...capturedBy(maker));
  }
  graph.node = graph.node.filter((node) => used.has(node));
  graph.initializer = graph.initializer.filter(({ name }) => read.has(name));
  graph.valueInfo = graph.valueInfo.filter(({ name }) => read.has(name));
}
