import { RecipeNotApplicableError } from '../errors.ts';
import {
  DATA_TYPE,
  dropUnused,
  encodeModel,
  float32Tensor,
  floatAttribute,
  type GraphProto,
  GraphView,
  intAttribute,
  isFloat32,
  isStandard,
  liftOpset,
  makeNode,
  type ModelProto,
  NameBook,
  type NodeProto,
  type TensorProto,
  writeTensor,
} from '../onnx/index.ts';
import { floatsOf, withFloats } from './constants.ts';
import { keepsFloat } from './keep-float.ts';
import { prepare } from './prepare.ts';
import type { BuiltModel, Recipe, RecipeContext } from './recipe.ts';
import { quantizeTables, SMALLEST_TABLE } from './tables.ts';
import { quantizeWeights } from './weights.ts';

/**
 * Weights of matrix products as int8, with activations quantised while the model runs: no calibration data needed, and
 * what transformers gain by. Convolutions stay as they are: quantised like this they are several times slower. Tables
 * that rows are gathered from (embeddings) become int8 too, or they would make up most of the file.
 */
export const int8Dynamic: Recipe = { name: 'int8-dynamic', uses: ['weightBits'], build };

async function build(context: RecipeContext): Promise<BuiltModel> {
  const { card } = context;
  const { weightBits = 8 } = context.options;
  const model = await prepare(context);
  liftOpset(model);
  const keep = (node: NodeProto): boolean => keepsFloat(card.rebuild.keepFloat, node);
  const products = new Rewriter(model, weightBits).run(keep);
  if (products === 0)
    throw new RecipeNotApplicableError('no MatMul or Gemm with constant float32 weights may be quantised');
  quantizeTables(model, keep);
  dropUnused(model.graph);
  return { model: encodeModel(model), notes: [] };
}

class Rewriter {
  readonly #graph: GraphProto;
  readonly #view: GraphView;
  readonly #names: NameBook;
  readonly #bits: 7 | 8;
  /** Activations that are quantised already, by name: their 8-bit form, scale and zero point. */
  readonly #activations = new Map<string, [string, string, string]>();
  #nodes: NodeProto[] = [];

  constructor(model: ModelProto, bits: 7 | 8) {
    this.#graph = model.graph;
    this.#view = new GraphView(model.graph);
    this.#names = new NameBook(model.graph);
    this.#bits = bits;
  }

  /** Rewrites the graph; how many matrix products it changed. */
  run(keep: (node: NodeProto) => boolean): number {
    let products = 0;
    for (const node of this.#graph.node) {
      if (!keep(node) && this.#product(node)) products += 1;
      else this.#nodes.push(node);
    }
    this.#graph.node = this.#nodes;
    return products;
  }

  /** y = (x_q − zero) · w_q, as integers, times both scales. */
  #product(node: NodeProto): boolean {
    const weight = this.#matrixOf(node);
    const [input = '', , bias = ''] = node.input;
    if (weight === undefined || this.#view.constant(input) !== undefined) return false;
    const columns = weight.dims[1] ?? 0;
    const { values, scales } = quantizeWeights(weight.values, weight.dims, 1, { bits: this.#bits });
    const quantized = this.#constant(node, 'weight_q', (name) =>
      writeTensor(name, { type: 'int8', dims: weight.dims, data: values }),
    );
    const zeros = this.#constant(node, 'weight_zero', (name) =>
      writeTensor(name, { type: 'int8', dims: [columns], data: new Int8Array(columns) }),
    );
    const weightScale = this.#constant(node, 'weight_scale', (name) =>
      float32Tensor(name, scales, [columns]),
    );
    const [activation, scale, zero] = this.#activation(input);
    const sums = this.#push(node, 'MatMulInteger', [activation, quantized, zero, zeros]);
    const floats = this.#push(node, 'Cast', [sums], { to: DATA_TYPE.float32 });
    const both = this.#push(node, 'Mul', [scale, weightScale]);
    const output = node.output[0] ?? '';
    const added = node.opType === 'Gemm' ? this.#bias(node, bias) : undefined;
    const product = this.#push(node, 'Mul', [floats, both], {}, added === undefined ? output : undefined);
    if (added !== undefined) this.#push(node, 'Add', [product, added], {}, output);
    return true;
  }

  /** The weights of a product as [inputs, outputs], where they are constant. */
  #matrixOf(node: NodeProto): { values: Float32Array; dims: number[] } | undefined {
    const weight = isStandard(node, 'MatMul', 'Gemm') ? this.#view.constant(node.input[1]) : undefined;
    if (weight === undefined || !isFloat32(weight) || weight.dims.length !== 2) return undefined;
    const [rows = 0, columns = 0] = weight.dims.map(Number);
    if (rows * columns < SMALLEST_TABLE) return undefined;
    const values = floatsOf(weight);
    if (node.opType === 'MatMul') return { values, dims: [rows, columns] };
    if (intAttribute(node, 'transA', 0) !== 0) return undefined;
    const alpha = floatAttribute(node, 'alpha', 1);
    const scaled = alpha === 1 ? values : values.map((value) => value * alpha);
    if (intAttribute(node, 'transB', 0) === 0) return { values: scaled, dims: [rows, columns] };
    return { values: transposed(scaled, rows, columns), dims: [columns, rows] };
  }

  /** Gemm's third input times beta; undefined where it has none. */
  #bias(node: NodeProto, name: string): string | undefined {
    const beta = floatAttribute(node, 'beta', 1);
    if (name === '' || beta === 0) return undefined;
    if (beta === 1) return name;
    const constant = this.#view.constant(name);
    if (constant !== undefined && isFloat32(constant))
      return this.#constant(node, 'bias', (made) =>
        withFloats(
          constant,
          made,
          floatsOf(constant).map((value) => value * beta),
        ),
      );
    return this.#push(node, 'Mul', [
      name,
      this.#constant(node, 'beta', (made) => float32Tensor(made, [beta], [])),
    ]);
  }

  #activation(value: string): [string, string, string] {
    const known = this.#activations.get(value);
    if (known !== undefined) return known;
    const take = (what: string): string => this.#names.take(`${value}_${what}`);
    const made: [string, string, string] = [take('q'), take('scale'), take('zero')];
    const name = take('quantize');
    this.#nodes.push(makeNode({ opType: 'DynamicQuantizeLinear', name, input: [value], output: made }));
    this.#activations.set(value, made);
    return made;
  }

  #constant(node: NodeProto, what: string, make: (name: string) => TensorProto): string {
    const name = this.#names.take(`${node.name}_${what}`);
    this.#graph.initializer.push(make(name));
    return name;
  }

  #push(
    node: NodeProto,
    opType: string,
    input: string[],
    attributes: Record<string, number> = {},
    output = this.#names.take(`${node.name}_${opType}_out`),
  ): string {
    const name = this.#names.take(`${node.name}_${opType}`);
    this.#nodes.push(makeNode({ opType, name, input, output: [output], attributes }));
    return output;
  }
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1)
      turned[column * rows + row] = values[row * columns + column] ?? 0;
  return turned;
}
