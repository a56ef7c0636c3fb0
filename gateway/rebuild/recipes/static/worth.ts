import { GraphView, type ModelProto, type NodeProto } from '../../onnx/index.ts';
import { macsOf } from './effort.ts';
import { dataInputs, type Selection } from './select.ts';

/**
 * Multiplications for each number that has to be brought into 8 bits or out of them, below which 8 bits gain nothing.
 * A conversion takes about as long as this many multiplications save.
 */
const LEAST_MACS = 8;
/** Weights of which so many bytes are saved are worth a conversion anyway. */
const LARGE_WEIGHTS = 16_384;

/**
 * Takes out islands of nodes between fp32 ones that are too small to pay for the conversions at their shores.
 *
 * @param sizes elements of every value that such a node reads or makes, for one sample
 */
export function dropIslands(
  { graph }: ModelProto,
  { weighted, carried }: Selection,
  sizes: ReadonlyMap<string, number>,
): Selection {
  const view = new GraphView(graph);
  const inside = (node: NodeProto | undefined): node is NodeProto =>
    node !== undefined && (weighted.has(node) || carried.has(node));
  const gives8Bits = (node: NodeProto): boolean => carried.has(node) || node.opType === 'Conv';
  const read = (node: NodeProto): string[] =>
    weighted.has(node) ? [node.input[0] ?? ''] : dataInputs(view, node);
  const islands = connected(
    graph.node.filter((node) => inside(node)),
    (node) =>
      read(node).flatMap((name) => {
        const maker = view.producer(name);
        return inside(maker) && gives8Bits(maker) ? [maker] : [];
      }),
  );
  const drowned = new Set<NodeProto>();
  for (const island of islands) {
    const shores = new Set<string>();
    let [macs, weights] = [0, 0];
    for (const node of island) {
      if (weighted.has(node)) {
        macs += macsOf(view, node, sizes);
        weights += elements(view.constant(node.input[1])?.dims ?? []);
      }
      for (const name of read(node)) {
        const maker = view.producer(name);
        if (!(inside(maker) && gives8Bits(maker))) shores.add(name);
      }
      const output = node.output[0] ?? '';
      const left = view.uses(output).some((use) => !inside(use.node)) || view.isOutput(output);
      if (gives8Bits(node) && left) shores.add(output);
    }
    const converted = [...shores].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
    if (macs < LEAST_MACS * converted && weights < LARGE_WEIGHTS)
      for (const node of island) drowned.add(node);
  }
  const left = (nodes: ReadonlySet<NodeProto>): Set<NodeProto> =>
    new Set([...nodes].filter((node) => !drowned.has(node)));
  return { weighted: left(weighted), carried: left(carried) };
}

/** Groups nodes that hang together, given what each hangs on. */
function connected(
  nodes: readonly NodeProto[],
  neighbours: (node: NodeProto) => readonly NodeProto[],
): NodeProto[][] {
  const groupOf = new Map<NodeProto, NodeProto[]>();
  for (const node of nodes) {
    let group = [node];
    groupOf.set(node, group);
    for (const other of neighbours(node)) {
      const found = groupOf.get(other);
      if (found === undefined || found === group) continue;
      found.push(...group);
      for (const each of group) groupOf.set(each, found);
      group = found;
    }
  }
  return [...new Set(groupOf.values())];
}

function elements(dims: readonly bigint[]): number {
  return dims.reduce((product, dim) => product * Number(dim), 1);
}
