import {
  type AttributeProto,
  type AttributeValue,
  makeNode,
  type NameBook,
  type TensorProto,
} from '../../onnx/index.ts';
import type { Scope } from './scope.ts';

/** A node to write. */
export interface Step {
  opType: string;
  input: string[];
  /** A new name unless one is given. */
  output?: string | undefined;
  domain?: string;
  attributes?: Record<string, AttributeValue>;
  /** Attributes of another node that it has as well. */
  like?: readonly AttributeProto[];
}

/** Writes the nodes of one graph anew. */
export class NodeWriter {
  readonly scope: Scope;
  protected readonly names: NameBook;

  constructor(scope: Scope, names: NameBook) {
    this.scope = scope;
    this.names = names;
  }

  /** Adds a node with one output; the output's name. `of` is the node that it comes from. */
  add(of: string, { opType, input, output, domain = '', attributes = {}, like = [] }: Step): string {
    const made = output ?? this.names.take(`${of}_${opType}_out`);
    const name = this.names.take(`${of}_${opType}`);
    const node = makeNode({ opType, name, input, output: [made], domain, attributes });
    node.attribute.push(...like);
    this.scope.nodes.push(node);
    return made;
  }

  constant(of: string, what: string, make: (name: string) => TensorProto): string {
    const name = this.names.take(`${of}_${what}`);
    this.scope.graph.initializer.push(make(name));
    return name;
  }
}
