import type { TensorSpec } from '../../core/index.ts';
import {
  allNodes,
  allTensors,
  DATA_TYPE,
  type DimensionProto,
  type GraphProto,
  GraphView,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from './onnx/index.ts';

/** What a graph says of itself. */
export interface ModelFacts {
  name: string;
  producer: string;
  irVersion: number;
  /** Operator sets by domain; the standard one is `ai.onnx`. */
  opsets: { domain: string; version: number }[];
  inputs: TensorSpec[];
  /** What is given and what computes it, apart from nodes that only pass it on. */
  outputs: (TensorSpec & { operator: string })[];
  /** Operators and how many nodes have them, subgraphs included; the most frequent first. */
  operators: { name: string; nodes: number }[];
  /** Elements of all its constants. */
  parameters: number;
  /** Whether some of them lie in other files. */
  external: boolean;
}

/** Nodes that give back what they take, in another shape or type. */
const PASSING = ['Identity', 'Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'DequantizeLinear'];
/** What a card has room for (core/model-card.ts). */
const MAX_NAME_CHARS = 200;
const MAX_DIM_CHARS = 100;
const MAX_LISTED = 500;

/** Looks at a model without running it. Names and lists are cut where they exceed a card's bounds. */
export function modelFacts(model: ModelProto, external: boolean): ModelFacts {
  const { graph } = model;
  const weights = new Set(graph.initializer.map(({ name }) => name));
  return {
    name: graph.name.slice(0, MAX_NAME_CHARS),
    producer: `${model.producerName} ${model.producerVersion}`.trim().slice(0, MAX_NAME_CHARS),
    irVersion: Number(model.irVersion),
    opsets: model.opsetImport.slice(0, MAX_LISTED).map(({ domain, version }) => ({
      domain: domain === '' ? 'ai.onnx' : domain.slice(0, MAX_NAME_CHARS),
      version: Number(version),
    })),
    // Until IR version 4, weights stand among the inputs.
    inputs: graph.input
      .filter(({ name }) => !weights.has(name))
      .slice(0, MAX_LISTED)
      .map(specOf),
    outputs: graph.output
      .slice(0, MAX_LISTED)
      .map((value) => ({ ...specOf(value), operator: makerOf(graph, value.name) })),
    operators: countOperators(graph),
    parameters: countParameters(model),
    external,
  };
}

function specOf({ name, type }: ValueInfoProto): TensorSpec {
  const value = type?.value;
  const named = name.slice(0, MAX_NAME_CHARS);
  if (value?.case !== 'tensorType' && value?.case !== 'sparseTensorType')
    return { name: named, type: value?.case?.replace(/Type$/, '') ?? 'unknown', shape: [] };
  const { elemType, shape } = value.value;
  return {
    name: named,
    type: typeNameOf(elemType),
    shape: (shape?.dim ?? []).map((dim, i) => dimOf(dim, `${named}_${i}`)),
  };
}

/** A dimension's size, or a name for one that varies: exporters give it a name, an empty one, 0 or -1. */
function dimOf({ value }: DimensionProto, fallback: string): number | string {
  if (value.case === 'dimValue' && value.value > 0n) return Number(value.value);
  const text = value.case === 'dimParam' ? value.value.trim() : '';
  return text === '' ? fallback.slice(-MAX_DIM_CHARS) : text.slice(0, MAX_DIM_CHARS);
}

function typeNameOf(elemType: number): string {
  const known = Object.entries(DATA_TYPE).find(([, code]) => code === elemType);
  return known?.[0] ?? `type${elemType}`;
}

/** The operator that computes a value, behind what only passes it on; empty for a graph's own input or weight. */
function makerOf(graph: GraphProto, output: string): string {
  const view = new GraphView(graph);
  const seen = new Set<NodeProto>();
  let node = view.producer(output);
  while (node !== undefined && PASSING.includes(node.opType) && !seen.has(node)) {
    seen.add(node);
    node = view.producer(node.input[0] ?? '');
  }
  return node?.opType.slice(0, MAX_NAME_CHARS) ?? '';
}

function countOperators(graph: GraphProto): ModelFacts['operators'] {
  const counts = new Map<string, number>();
  for (const { opType, domain } of allNodes(graph)) {
    const name = (domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`).slice(
      0,
      MAX_NAME_CHARS,
    );
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, nodes]) => ({ name, nodes }))
    .sort((a, b) => b.nodes - a.nodes || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_LISTED);
}

function countParameters(model: ModelProto): number {
  let count = 0;
  for (const { tensor } of allTensors(model))
    count += tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}
