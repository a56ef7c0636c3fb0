import { allGraphs, type ModelProto, type NameBook, type NodeProto } from '../../onnx/index.ts';
import { storeAsHalf } from '../compact.ts';

/**
 * Stores what a recipe left in fp32 as float16, in subgraphs too.
 *
 * @param how.keep which nodes the card keeps in fp32, constants and all
 * @param how.exact constants that the recipe wants as they are
 * @returns the bytes that were saved
 */
export function storeRest(
  model: ModelProto,
  how: { names: NameBook; keep: (node: NodeProto) => boolean; exact: ReadonlySet<string> },
): number {
  const graphs = [...allGraphs(model.graph)];
  const kept = graphs.flatMap(({ node }) => node.filter(how.keep).flatMap(({ input }) => input));
  const exact = new Set([...how.exact, ...kept]);
  return graphs.reduce((saved, graph) => saved + storeAsHalf(graph, how.names, exact), 0);
}
