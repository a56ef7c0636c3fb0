import type { GraphProto, NodeProto } from './types.ts';
import { subgraphsOf } from './walk.ts';

/** One reader of a value: a node's input, or an output of the graph where it stands. */
export type Reader =
  { graph: GraphProto; node: NodeProto; index: number } | { graph: GraphProto; output: number };

/** Who reads a value anywhere in a model: in its own graph, and in the subgraphs that see it. A view, as `GraphView` is. */
export class Scopes {
  readonly #readers = new Map<GraphProto, Map<string, Reader[]>>();
  readonly #owners = new Map<GraphProto, { graph: GraphProto; node: NodeProto }>();

  constructor(graph: GraphProto) {
    this.#visit(graph, []);
  }

  /** The readers of a value that is defined in `graph`. */
  readers(graph: GraphProto, name: string): readonly Reader[] {
    return this.#readers.get(graph)?.get(name) ?? [];
  }

  /** The node that a subgraph belongs to, and the graph of that node. Undefined for the main graph. */
  owner(graph: GraphProto): { graph: GraphProto; node: NodeProto } | undefined {
    return this.#owners.get(graph);
  }

  #visit(graph: GraphProto, around: readonly GraphProto[]): void {
    const own = new Map<string, Reader[]>();
    this.#readers.set(graph, own);
    for (const { name } of [...graph.input, ...graph.initializer]) own.set(name, []);
    for (const { values } of graph.sparseInitializer) own.set(values?.name ?? '', []);
    for (const node of graph.node) for (const name of node.output) own.set(name, []);
    // An inner name hides the same name further out.
    const chain = [graph, ...around];
    const note = (name: string, reader: Reader): void => {
      if (name === '') return;
      const home = chain.find((each) => this.#readers.get(each)?.has(name));
      if (home !== undefined) this.#readers.get(home)?.get(name)?.push(reader);
    };
    for (const node of graph.node) {
      node.input.forEach((name, index) => note(name, { graph, node, index }));
      for (const inner of subgraphsOf(node)) {
        this.#owners.set(inner, { graph, node });
        this.#visit(inner, chain);
      }
    }
    graph.output.forEach(({ name }, output) => note(name, { graph, output }));
  }
}
