import {
  capturedBy,
  DATA_TYPE,
  type GraphProto,
  GraphView,
  isFloat32,
  isStandard,
  makeNode,
  type ModelProto,
  NameBook,
  type NodeProto,
  type TensorProto,
  writeTensor,
} from '../../onnx/index.ts';
import { floatsOf } from '../constants.ts';
import { halfBits, LARGEST_HALF, toHalf } from '../half.ts';
import type { ValueTypes } from '../value-types.ts';

/**
 * Operators that take and give float16 everywhere. Left out: what has no such form on a CPU (Resize, TopK, Softmax,
 * control flow), and what overflows or cancels in it (powers, roots, exponentials, sums over many values).
 */
const HALF_OPERATORS: ReadonlySet<string> = new Set(
  `Abs Add AveragePool BatchNormalization Clip Concat Conv ConvTranspose Div Dropout Elu Erf Expand Flatten Gather Gemm
  GlobalAveragePool GlobalMaxPool HardSigmoid Identity LeakyRelu MatMul Max MaxPool Min Mul Neg PRelu Pad Relu
  Reshape Sigmoid Slice Split Squeeze Sub Tanh Tile Transpose Unsqueeze Where`.split(/\s+/),
);
/** Where a constant is only a limit or a filler, the largest float16 stands for everything above it. */
const LIMITS_ONLY = ['Clip', 'Max', 'Min', 'Where'];
const WEIGHTED = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'];

/** What a conversion came to. */
export interface Converted {
  /** Nodes that compute in float16 now. */
  nodes: number;
  /** Constants that are float16 now, limits of a single number not counted. */
  weights: number;
  /** Products that stay as they are because a weight is beyond float16. */
  beyond: readonly NodeProto[];
}

/**
 * Writes the graph anew. A value keeps its name as float32; its float16 form has another name. Whichever form is
 * missing when a node asks for it is made by one Cast.
 */
export class HalfConverter {
  readonly #graph: GraphProto;
  readonly #view: GraphView;
  readonly #names: NameBook;
  readonly #types: ValueTypes;
  /** Which nodes stay in fp32. */
  readonly #keep: (node: NodeProto) => boolean;
  readonly #halves = new Map<string, string>();
  readonly #floats = new Set<string>();
  readonly #nodes: NodeProto[] = [];
  readonly #beyond: NodeProto[] = [];
  #converted = 0;
  #weights = 0;

  constructor(model: ModelProto, types: ValueTypes, keep: (node: NodeProto) => boolean) {
    this.#graph = model.graph;
    this.#view = new GraphView(model.graph);
    this.#names = new NameBook(model.graph);
    this.#types = types;
    this.#keep = keep;
    for (const { name } of [...this.#graph.input, ...this.#graph.initializer]) this.#floats.add(name);
  }

  run(): Converted {
    for (const node of this.#graph.node) {
      if (this.#mayConvert(node)) this.#convert(node);
      else this.#leave(node);
    }
    for (const { name } of this.#graph.output) this.#float(name);
    this.#graph.node = this.#nodes;
    return { nodes: this.#converted, weights: this.#weights, beyond: this.#beyond };
  }

  #mayConvert(node: NodeProto): boolean {
    if (!isStandard(node, node.opType) || !HALF_OPERATORS.has(node.opType) || this.#keep(node)) return false;
    if (![...node.input, ...node.output].some((name) => this.#isFloat(name))) return false;
    return node.input.every((name) => {
      const constant = this.#view.constant(name);
      return constant === undefined || !isFloat32(constant) || this.#fits(node, constant);
    });
  }

  #fits(node: NodeProto, constant: TensorProto): boolean {
    const values = floatsOf(constant);
    const tooLarge = values.some((value) => Number.isFinite(value) && Math.abs(value) > LARGEST_HALF);
    if (tooLarge && isStandard(node, ...WEIGHTED)) this.#beyond.push(node);
    if (tooLarge) return isStandard(node, ...LIMITS_ONLY);
    const [only = 0] = values;
    const vanishes = values.length === 1 && only !== 0 && (halfBits(only) & 0x7fff) === 0;
    return !vanishes;
  }

  #convert(node: NodeProto): void {
    node.input = node.input.map((name) => (this.#isFloat(name) ? this.#half(name) : name));
    this.#nodes.push(node);
    this.#converted += 1;
    node.output = node.output.map((name) => {
      if (!this.#isFloat(name)) return name;
      const half = this.#names.take(`${name}_half`);
      this.#halves.set(name, half);
      return half;
    });
  }

  #leave(node: NodeProto): void {
    for (const name of capturedBy(node)) this.#float(name);
    for (const name of node.input) this.#float(name);
    this.#nodes.push(node);
    for (const name of node.output) this.#floats.add(name);
  }

  #half(name: string): string {
    const known = this.#halves.get(name);
    if (known !== undefined) return known;
    const half = this.#names.take(`${name}_half`);
    this.#halves.set(name, half);
    const constant = this.#view.constant(name);
    if (constant === undefined) this.#cast(name, half, DATA_TYPE.float16);
    else {
      const data = toHalf(floatsOf(constant).map(limited));
      this.#graph.initializer.push(
        writeTensor(half, { type: 'float16', dims: constant.dims.map(Number), data }),
      );
      if (data.length > 1) this.#weights += 1;
    }
    return half;
  }

  /** Makes the float32 form of a value where there is only the other. */
  #float(name: string): void {
    const half = this.#halves.get(name);
    if (half === undefined || this.#floats.has(name)) return;
    this.#floats.add(name);
    this.#cast(half, name, DATA_TYPE.float32);
  }

  #cast(from: string, to: string, type: number): void {
    const name = this.#names.take(`${to}_cast`);
    this.#nodes.push(
      makeNode({ opType: 'Cast', name, input: [from], output: [to], attributes: { to: type } }),
    );
  }

  #isFloat(name: string): boolean {
    const constant = this.#view.constant(name);
    return constant === undefined ? this.#types.get(name)?.type === 'float32' : isFloat32(constant);
  }
}

function limited(value: number): number {
  return Number.isFinite(value) ? Math.min(LARGEST_HALF, Math.max(-LARGEST_HALF, value)) : value;
}
