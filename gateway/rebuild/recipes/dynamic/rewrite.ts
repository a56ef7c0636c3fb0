import {
  allGraphs,
  dropUnused,
  type ModelProto,
  NameBook,
  type NodeProto,
  setOpset,
} from '../../onnx/index.ts';
import { productOf } from '../products/product.ts';
import { innerScopes, Scope } from '../products/scope.ts';
import { storeRest } from '../products/store-rest.ts';
import { quantizeTables, SMALLEST_TABLE } from '../tables.ts';
import { attentionOf, writeAttention } from './attention.ts';
import { writeProduct } from './integer-product.ts';
import { recurrentOf, writeRecurrent } from './recurrent.ts';
import { type QuantizedCache, WeightBook } from './weight-book.ts';
import { DynamicWriter } from './writer.ts';

export interface RewriteOptions {
  bits: 7 | 8;
  /** Which nodes the card keeps in fp32, weights and all. */
  keep: (node: NodeProto) => boolean;
  /** Names of further nodes that compute in fp32. */
  leave: ReadonlySet<string>;
  cache: QuantizedCache;
  /** Whether what is left in fp32 is stored as float16. */
  half: boolean;
}

/** Names of the nodes that can be computed in 8 bits, in the order of the graphs, those of subgraphs included. */
export function quantisable(model: ModelProto, keep: RewriteOptions['keep']): string[] {
  const found: string[] = [];
  const visit = (scope: Scope): void => {
    scope.graph.node.forEach((node, index) => {
      innerScopes(scope, node, index).forEach(visit);
      const target =
        productOf(scope, node, SMALLEST_TABLE) ?? recurrentOf(scope, node) ?? attentionOf(scope, node);
      if (!keep(node) && target !== undefined) found.push(node.name);
    });
  };
  visit(Scope.main(model));
  return found;
}

/**
 * Lets matrix products, LSTMs and attention compute in 8 bits, in subgraphs too, and stores tables as int8; in place. What has
 * another form, or is kept, stays as it is.
 *
 * @returns the bytes that float16 saved
 */
export function quantizeDynamically(
  model: ModelProto,
  { bits, keep, leave, cache, half }: RewriteOptions,
): number {
  const names = new NameBook(model.graph);
  const book = new WeightBook(names, bits, cache);
  let recurrent = false;
  const visit = (scope: Scope): void => {
    const writer = new DynamicWriter(scope, names, book);
    scope.graph.node.forEach((node, index) => {
      innerScopes(scope, node, index).forEach(visit);
      const stays = keep(node) || leave.has(node.name);
      const product = stays ? undefined : productOf(scope, node, SMALLEST_TABLE);
      const recurrence = stays ? undefined : recurrentOf(scope, node);
      const attention = stays ? undefined : attentionOf(scope, node);
      if (product !== undefined) writeProduct(writer, node, product);
      else if (recurrence !== undefined) {
        writeRecurrent(writer, node, recurrence);
        recurrent = true;
      } else if (attention !== undefined) writeAttention(writer, node, attention);
      else scope.nodes.push(node);
    });
    scope.graph.node = scope.nodes;
  };
  visit(Scope.main(model));
  if (recurrent) setOpset(model, 'com.microsoft', 1);
  for (const graph of [...allGraphs(model.graph)].reverse()) {
    quantizeTables({ graph }, keep, names);
    dropUnused(graph);
  }
  return half ? storeRest(model, { names, keep, exact: book.scales }) : 0;
}
