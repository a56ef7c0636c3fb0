import {
  dropUnused,
  float32Tensor,
  type GraphProto,
  GraphView,
  intAttribute,
  isStandard,
  makeGraph,
  makeNode,
  type ModelProto,
  NameBook,
  type NodeProto,
  opsetOf,
  type TensorProto,
} from '../../onnx/index.ts';
import { integerProduct } from './integer-products.ts';
import { ceilingOf, numbersOf, valuesOf } from './levels.ts';
import {
  computesWithLevels,
  LEVEL_OPERATORS,
  type LevelOperator,
  MOVING,
  NEVER_NEGATIVE,
  OWN_ATTRIBUTES,
} from './operators.ts';

/** The operator set from which on Clip takes its bounds as inputs. */
const CLIP_INPUTS_OPSET = 11;

/**
 * Takes a model that came in 8 bits back to float32, with the values that its levels stand for: what was quantised for
 * one kind of hardware is measured anew for each. Weights become float32 constants, activations are no longer rounded;
 * where a quantisation stood for a Relu or Clip, there is one. QDQ, QOperator and dynamic quantisation are known
 * (onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
 *
 * All or nothing: a model in which something would still compute with levels is left as it is. Nodes must stand in an
 * order in which they can run, and constants must be initializers.
 *
 * @returns whether anything was changed
 */
export function unquantise(model: ModelProto): boolean {
  const { graph } = model;
  if (!isQuantised(model)) return false;
  const draft = new Unquantised(graph, opsetOf(model) ?? 0).draft();
  dropUnused(draft);
  if (draft.node.some(({ opType }) => computesWithLevels(opType))) return false;
  graph.node = draft.node;
  graph.initializer = draft.initializer;
  graph.valueInfo = draft.valueInfo;
  return true;
}

/** Whether a model has levels somewhere, in its main graph. */
export function isQuantised({ graph }: ModelProto): boolean {
  return graph.node.some(
    ({ opType }) =>
      opType === 'QuantizeLinear' || opType === 'DequantizeLinear' || computesWithLevels(opType),
  );
}

/** The name of the float32 value that levels stand for, and by which scale and zero they do. */
interface Value {
  name: string;
  scale: string;
  zero: string;
}

/** One walk over a graph: beside everything that computes with levels comes what computes with their values. */
class Unquantised {
  readonly #graph: GraphProto;
  readonly #view: GraphView;
  readonly #names: NameBook;
  readonly #opset: number;
  readonly #values = new Map<string, Value>();
  readonly #constants: TensorProto[] = [];
  readonly #nodes: NodeProto[] = [];
  /** What takes the place of a node further on. */
  readonly #instead = new Map<NodeProto, NodeProto[]>();

  constructor(graph: GraphProto, opset: number) {
    this.#graph = graph;
    this.#view = new GraphView(graph);
    this.#names = new NameBook(graph);
    this.#opset = opset;
  }

  draft(): GraphProto {
    for (const node of this.#graph.node) {
      this.#nodes.push(...(this.#instead.get(node) ?? [node]));
      this.#visit(node);
    }
    const { input, output, valueInfo, initializer } = this.#graph;
    return makeGraph({
      input,
      output,
      valueInfo: [...valueInfo],
      node: this.#nodes,
      initializer: [...initializer, ...this.#constants],
    });
  }

  #visit(node: NodeProto): void {
    const { opType } = node;
    if (opType === 'QuantizeLinear') this.#quantized(node);
    else if (opType === 'DequantizeLinear') this.#dequantized(node);
    else if (isStandard(node, 'ConvInteger', 'MatMulInteger')) this.#product(node);
    else if (isStandard(node, ...MOVING)) this.#moved(node);
    else {
      const operator = LEVEL_OPERATORS[opType];
      if (operator !== undefined) this.#operator(node, operator);
    }
  }

  #quantized({ input: [value = '', scale = '', zero = ''], output: [levels = ''] }: NodeProto): void {
    const maker = this.#view.producer(value);
    const clips = maker !== undefined && !isStandard(maker, ...NEVER_NEGATIVE);
    this.#values.set(levels, { name: clips ? this.#clip(value, scale, zero) : value, scale, zero });
  }

  #dequantized(node: NodeProto): void {
    const [levels = '', scale = '', zero = ''] = node.input;
    const name = this.#valueOf(levels, scale, zero, intAttribute(node, 'axis', 1));
    if (name === undefined) return;
    this.#nodes.pop();
    this.#nodes.push(makeNode({ opType: 'Identity', name: node.name, input: [name], output: node.output }));
  }

  #product(node: NodeProto): void {
    const product = integerProduct(this.#view, node);
    if (product === undefined) return;
    const { opType, input, weights, bias, last } = product;
    const added = opType === 'MatMul' && bias !== undefined;
    const output = added ? this.#names.take(`${node.name}_product`) : (last.output[0] ?? '');
    const values = this.#constant(`${node.input[1]}_value`, weights.values, weights.dims);
    const made = makeNode({
      opType,
      name: node.name,
      input: [input, values, ...(bias === undefined || added ? [] : [bias.name])],
      output: [output],
    });
    made.attribute = node.attribute;
    this.#instead.set(last, [
      made,
      ...(added
        ? [makeNode({ opType: 'Add', name: last.name, input: [output, bias.name], output: last.output })]
        : []),
    ]);
  }

  /** The same once more, with values. */
  #moved(node: NodeProto): void {
    const levels = this.#values.get(node.input[0] ?? '');
    if (levels === undefined) return;
    const output = node.output.map((name) => (name === '' ? '' : this.#names.take(`${name}_value`)));
    const made = makeNode({
      opType: node.opType,
      name: this.#names.take(`${node.name}_value`),
      input: [levels.name, ...node.input.slice(1)],
      output,
    });
    made.attribute = node.attribute;
    this.#nodes.push(made);
    node.output.forEach((name, i) => this.#values.set(name, { ...levels, name: output[i] ?? '' }));
  }

  #operator(node: NodeProto, { opType, operands, result, bias, weightAxis = 1 }: LevelOperator): void {
    const at = (place: number): string => node.input[place] ?? '';
    const input: (string | undefined)[] = operands.map(([levels, scale, zero]) =>
      this.#valueOf(at(levels), at(scale), at(zero), weightAxis),
    );
    if (bias !== undefined && at(bias) !== '') input.push(this.#biasOf(node, bias, operands));
    const own = node.attribute.filter(({ name }) => name in OWN_ATTRIBUTES);
    if (own.some(({ name, i }) => i !== OWN_ATTRIBUTES[name]) || !input.every((name) => name !== undefined))
      return;
    const output = this.#names.take(`${node.output[0]}_value`);
    const made = makeNode({ opType, name: this.#names.take(`${node.name}_value`), input, output: [output] });
    made.attribute = node.attribute.filter(({ name }) => !(name in OWN_ATTRIBUTES));
    this.#nodes.push(made);
    const [scale, zero] = [at(result[0]), at(result[1])];
    const name = NEVER_NEGATIVE.includes(opType) ? output : this.#clip(output, scale, zero);
    this.#values.set(node.output[0] ?? '', { name, scale, zero });
  }

  /** A bias has the product of its operands' scales. */
  #biasOf(node: NodeProto, place: number, operands: LevelOperator['operands']): string | undefined {
    const levels = this.#view.constant(node.input[place]);
    const factors = operands.map(([, scale]) => this.#view.constant(node.input[scale]));
    const [first, second] = factors.map((factor) => (factor === undefined ? undefined : numbersOf(factor)));
    if (levels === undefined || first?.length !== 1 || second === undefined) return undefined;
    const products = Array.from(second, (factor) => factor * (first[0] ?? 0));
    const values = valuesOf(levels, { scale: float32Tensor('', products, [products.length]), axis: 0 });
    return values === undefined
      ? undefined
      : this.#constant(`${levels.name}_value`, values, levels.dims.map(Number));
  }

  /** The value that levels stand for: of constants a new constant, else what was quantised by that very scale. */
  #valueOf(levels: string, scale: string, zero: string, axis: number): string | undefined {
    const constant = this.#view.constant(levels);
    if (constant === undefined) {
      const known = this.#values.get(levels);
      return known !== undefined && this.#same(known.scale, scale) && this.#same(known.zero, zero)
        ? known.name
        : undefined;
    }
    const [scales, zeros] = [this.#view.constant(scale), this.#view.constant(zero)];
    if (scales === undefined || (zero !== '' && zeros === undefined)) return undefined;
    const values = valuesOf(constant, { scale: scales, zero: zeros, axis });
    return values === undefined
      ? undefined
      : this.#constant(`${levels}_value`, values, constant.dims.map(Number));
  }

  /** Whether two names are the same value, or constants of the same values. */
  #same(a: string, b: string): boolean {
    if (a === b) return true;
    const [one, other] = [a, b].map((name) => {
      const constant = this.#view.constant(name);
      return constant === undefined ? undefined : numbersOf(constant);
    });
    return (
      one !== undefined &&
      one.length === other?.length &&
      Array.from(one).every((value, i) => value === other[i])
    );
  }

  /** What is left of a value between the ends of its levels, where they are those of a Relu or Clip. */
  #clip(value: string, scale: string, zero: string): string {
    const scales = this.#view.constant(scale);
    const zeros = this.#view.constant(zero);
    if (scales === undefined || (zero !== '' && zeros === undefined)) return value;
    const ceiling = ceilingOf({ scale: scales, zero: zeros });
    if (ceiling === undefined) return value;
    const output = this.#names.take(`${value}_clipped`);
    const bounds =
      this.#opset < CLIP_INPUTS_OPSET
        ? undefined
        : [0, ceiling].map((bound) => this.#constant(`${value}_bound`, Float32Array.of(bound), []));
    this.#nodes.push(
      makeNode({
        opType: bounds === undefined ? 'Relu' : 'Clip',
        name: this.#names.take(`${value}_clip`),
        input: [value, ...(bounds ?? [])],
        output: [output],
      }),
    );
    return output;
  }

  #constant(wish: string, values: Float32Array, dims: number[]): string {
    const name = this.#names.take(wish);
    this.#constants.push(float32Tensor(name, values, dims));
    return name;
  }
}
