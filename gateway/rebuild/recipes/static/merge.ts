import { createHash } from 'node:crypto';
import { capturedBy, type GraphProto } from '../../onnx/index.ts';

/**
 * Keeps one of several constants that are the same in type, shape and bytes: weights that nodes share, and the many
 * equal zero points.
 */
export function mergeEqualConstants(graph: GraphProto): void {
  const first = new Map<string, string>();
  const renamed = new Map<string, string>();
  const fixed = new Set([...graph.input, ...graph.output].map(({ name }) => name));
  for (const node of graph.node) for (const name of capturedBy(node)) fixed.add(name);
  graph.initializer = graph.initializer.filter((tensor) => {
    const { name, dataType, dims, rawData } = tensor;
    if (rawData.byteLength === 0 || fixed.has(name)) return true;
    const digest = createHash('sha256').update(rawData).digest('base64');
    const key = `${dataType} ${dims.join('x')} ${digest}`;
    const kept = first.get(key);
    if (kept === undefined) first.set(key, name);
    else renamed.set(name, kept);
    return kept === undefined;
  });
  for (const node of graph.node) node.input = node.input.map((name) => renamed.get(name) ?? name);
}
