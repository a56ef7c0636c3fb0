import {
  DATA_TYPE,
  float32Tensor,
  type GraphProto,
  GraphView,
  intAttribute,
  isFloat32,
  isStandard,
  makeNode,
  NameBook,
  type NodeProto,
  writeTensor,
} from '../onnx/index.ts';
import { floatsOf } from './constants.ts';
import { quantizeWeights } from './weights.ts';

/** Weights with fewer elements than this are not worth a conversion. */
export const SMALLEST_TABLE = 1024;

/**
 * Stores tables that rows are gathered from (embeddings) as int8, each row with its own scale: what is gathered is
 * multiplied by its scale. In fp32 they would make up most of a small transformer's file.
 *
 * @param names the names that are taken in the whole model, where the graph is a part of it
 */
export function quantizeTables(
  { graph }: { graph: GraphProto },
  keep: (node: NodeProto) => boolean,
  names = new NameBook(graph),
): void {
  const view = new GraphView(graph);
  graph.node = graph.node.flatMap((node) => {
    const table = isStandard(node, 'Gather') && !keep(node) ? view.constant(node.input[0]) : undefined;
    if (table === undefined || !isFloat32(table) || table.dims.length !== 2) return [node];
    const [rows = 0, columns = 0] = table.dims.map(Number);
    if (intAttribute(node, 'axis', 0) !== 0 || rows * columns < SMALLEST_TABLE) return [node];
    const name = (what: string): string => names.take(`${node.name}_${what}`);
    const { values, scales } = quantizeWeights(floatsOf(table), [rows, columns], 0);
    const quantized = writeTensor(name('table_q'), { type: 'int8', dims: [rows, columns], data: values });
    const rowScales = float32Tensor(name('table_scale'), scales, [rows, 1]);
    graph.initializer.push(quantized, rowScales);
    const write = (opType: string, input: string[], output: string, to?: number): NodeProto =>
      makeNode({
        opType,
        name: name(opType),
        input,
        output: [output],
        attributes: to === undefined ? {} : { to },
      });
    const [levels, floats, factors, index] = [
      name('levels'),
      name('floats'),
      name('factors'),
      node.input[1] ?? '',
    ];
    return [
      write('Gather', [quantized.name, index], levels),
      write('Cast', [levels], floats, DATA_TYPE.float32),
      write('Gather', [rowScales.name, index], factors),
      write('Mul', [floats, factors], node.output[0] ?? ''),
    ];
  });
}
