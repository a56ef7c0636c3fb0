import {
  type GraphProto,
  GraphView,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  subgraphsOf,
} from '../../onnx/index.ts';

/** A constant, and the scope of the graph that holds it. */
export interface HeldConstant {
  tensor: TensorProto;
  home: Scope;
}

/** A graph that is written anew, and the graphs around it, whose values it sees. */
export class Scope {
  readonly graph: GraphProto;
  /** Says which graph of its model it is: `0` for the main one, `0.3.0` for the first one of the main one's fourth node. */
  readonly path: string;
  /** The nodes that the graph will have. */
  readonly nodes: NodeProto[] = [];
  readonly #around: Scope | undefined;
  readonly #view: GraphView;
  readonly #inputs: ReadonlySet<string>;

  private constructor(graph: GraphProto, path: string, around: Scope | undefined) {
    this.graph = graph;
    this.path = path;
    this.#around = around;
    this.#view = new GraphView(graph);
    this.#inputs = new Set(graph.input.map(({ name }) => name));
  }

  static main({ graph }: ModelProto): Scope {
    return new Scope(graph, '0', undefined);
  }

  within(graph: GraphProto, path: string): Scope {
    return new Scope(graph, `${this.path}.${path}`, this);
  }

  /** The constant that a name stands for here; undefined where it is something else. */
  constant(name: string | undefined): HeldConstant | undefined {
    if (name === undefined || name === '' || this.#inputs.has(name)) return undefined;
    const tensor = this.#view.constant(name);
    if (tensor !== undefined) return { tensor, home: this };
    return this.#view.producer(name) === undefined ? this.#around?.constant(name) : undefined;
  }
}

/** The scopes of the graphs inside a node. `index` is the node's place in its graph. */
export function innerScopes(scope: Scope, node: NodeProto, index: number): Scope[] {
  return subgraphsOf(node).map((graph, i) => scope.within(graph, `${index}.${i}`));
}
