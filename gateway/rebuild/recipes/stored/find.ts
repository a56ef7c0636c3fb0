import {
  allGraphs,
  DATA_TYPE,
  type GraphProto,
  isStandard,
  type ModelProto,
  type NodeProto,
  type Reader,
  Scopes,
  tensorAttribute,
  type TensorProto,
} from '../../onnx/index.ts';

/** A float32 constant and what becomes of it. */
export interface FoundConstant {
  graph: GraphProto;
  /** The value that it is. */
  name: string;
  tensor: TensorProto;
  /** The Constant node that gives it; undefined for an initializer. */
  node: NodeProto | undefined;
  /** What reads it, directly. */
  readers: readonly Reader[];
  /** What its elements reach at last, in whatever shape or order; undefined where that is an output of the model. */
  consumers: readonly ({ node: NodeProto; index: number } | undefined)[];
}

/** Operators that give back elements of what they take as it is, in another shape, order or choice. */
const PASSING = 'Concat Expand Flatten Identity Reshape Slice Split Squeeze Transpose Unsqueeze'.split(' ');

/** Every float32 constant of at least that many elements, in subgraphs too, that no caller can replace. */
export function findConstants({ graph: main }: ModelProto, minElements: number): FoundConstant[] {
  const scopes = new Scopes(main);
  const found: FoundConstant[] = [];
  const look = (graph: GraphProto, name: string, tensor: TensorProto, node?: NodeProto): void => {
    const count = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
    if (tensor.dataType !== DATA_TYPE.float32 || count < minElements) return;
    const readers = scopes.readers(graph, name);
    found.push({ graph, name, tensor, node, readers, consumers: consumersOf(scopes, graph, name) });
  };
  for (const graph of allGraphs(main)) {
    const given = new Set(graph.input.map(({ name }) => name));
    for (const tensor of graph.initializer) if (!given.has(tensor.name)) look(graph, tensor.name, tensor);
    for (const node of graph.node) {
      const tensor = isStandard(node, 'Constant') ? tensorAttribute(node, 'value') : undefined;
      if (tensor !== undefined) look(graph, node.output[0] ?? '', tensor, node);
    }
  }
  return found;
}

function consumersOf(scopes: Scopes, graph: GraphProto, name: string): FoundConstant['consumers'] {
  const consumers = new Set<{ node: NodeProto; index: number } | undefined>();
  const seen = new Map<GraphProto, Set<string>>();
  const follow = (home: GraphProto, value: string): void => {
    const before = seen.get(home) ?? new Set();
    if (before.has(value)) return;
    seen.set(home, before.add(value));
    for (const reader of scopes.readers(home, value)) {
      if ('output' in reader) {
        const owner = scopes.owner(reader.graph);
        const passed = owner?.node.opType === 'If' ? owner.node.output[reader.output] : undefined;
        if (owner !== undefined && passed !== undefined) follow(owner.graph, passed);
        else consumers.add(undefined);
      } else if (isPassing(reader)) for (const output of reader.node.output) follow(reader.graph, output);
      else consumers.add({ node: reader.node, index: reader.index });
    }
  };
  follow(graph, name);
  return [...consumers];
}

function isPassing({ node, index }: { node: NodeProto; index: number }): boolean {
  return isStandard(node, ...PASSING) && (index === 0 || node.opType === 'Concat');
}
