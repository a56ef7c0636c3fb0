import {
  type AttributeValue,
  encodeModel,
  float32Tensor,
  int64Tensor,
  makeGraph,
  makeModel,
  makeNode,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../../gateway/rebuild/onnx/index.ts';

/** Writes a graph operator by operator, with the names that PyTorch's exporter would give. */
export class GraphWriter {
  readonly #nodes: NodeProto[] = [];
  readonly #constants: TensorProto[] = [];
  #count = 0;

  /** Adds an operator of one output; its output's name. */
  op(
    opType: string,
    input: string[],
    attributes: Record<string, AttributeValue> = {},
    output = `${opType}_output_${this.#count}`,
  ): string {
    const name = `/${opType}_${this.#count}`;
    this.#count += 1;
    this.#nodes.push(makeNode({ opType, name, input, output: [output], attributes }));
    return output;
  }

  floats(name: string, values: Float32Array, dims: number[]): string {
    this.#constants.push(float32Tensor(name, values, dims));
    return name;
  }

  scalar(value: number): string {
    this.#count += 1;
    return this.floats(`scalar_${this.#count}`, Float32Array.of(value), []);
  }

  ints(values: readonly number[], dims?: number[]): string {
    this.#count += 1;
    const name = `ints_${this.#count}`;
    this.#constants.push(int64Tensor(name, values, dims));
    return name;
  }

  model(input: ValueInfoProto[], output: ValueInfoProto[], opset: number): Uint8Array {
    const graph = makeGraph({
      name: 'main_graph',
      node: this.#nodes,
      initializer: this.#constants,
      input,
      output,
    });
    return encodeModel(makeModel(graph, { '': opset }));
  }
}
