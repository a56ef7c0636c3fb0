import type { NodeProto } from '../onnx/index.ts';

/**
 * Whether a card keeps a node in fp32. An entry is an operator (`Softmax`), the name of a node, or the beginning of
 * names with a trailing `*` (`/mel/*`).
 */
export function keepsFloat(entries: readonly string[], node: NodeProto): boolean {
  return entries.some((entry) =>
    entry.endsWith('*')
      ? node.name.startsWith(entry.slice(0, -1))
      : entry === node.name || entry === node.opType,
  );
}
