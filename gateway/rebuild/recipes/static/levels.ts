import {
  float32Tensor,
  type GraphProto,
  makeNode,
  type NameBook,
  type NodeProto,
  writeTensor,
} from '../../onnx/index.ts';
import type { Grid } from './grid.ts';

/** A value in its 8-bit form: the name of the tensor, and how to read it. */
export interface Levels {
  tensor: string;
  grid: Grid;
}

export interface ValueFormsInput {
  graph: GraphProto;
  names: NameBook;
  /** Element type of the 8-bit forms. A level is 128 less in int8. */
  type: 'uint8' | 'int8';
  gridOf: (value: string) => Grid;
}

/**
 * Keeps, while a graph is written anew node by node, in which forms each value is there: as float32 under its own
 * name, in 8 bits, or both. A form that is missing is made when somebody asks for it, by one node for all who ask.
 */
export class ValueForms {
  readonly nodes: NodeProto[] = [];
  readonly #levels = new Map<string, Levels>();
  readonly #floats = new Set<string>();
  readonly #dequantized = new Map<string, string>();
  readonly #scales = new Map<string, string>();
  readonly #graph: GraphProto;
  readonly #names: NameBook;
  readonly #type: 'uint8' | 'int8';
  readonly #gridOf: (value: string) => Grid;

  constructor({ graph, names, type, gridOf }: ValueFormsInput) {
    this.#graph = graph;
    this.#names = names;
    this.#type = type;
    this.#gridOf = gridOf;
    for (const { name } of [...graph.input, ...graph.initializer]) this.#floats.add(name);
  }

  /** Notes that a value is there as float32 under its own name. */
  addFloat(value: string): void {
    this.#floats.add(value);
  }

  addLevels(value: string, levels: Levels): void {
    this.#levels.set(value, levels);
  }

  levelsIfAny(value: string): Levels | undefined {
    return this.#levels.get(value);
  }

  /** The value in 8 bits, quantised now where it is not yet. */
  levels(value: string): Levels {
    return this.#levels.get(value) ?? this.quantize(value, value, this.#gridOf(value));
  }

  /** Writes a QuantizeLinear node from the float32 tensor `source`; from here on `value` is there in 8 bits. */
  quantize(value: string, source: string, grid: Grid): Levels {
    const tensor = this.#names.take(`${value}_q`);
    const name = this.#names.take(`${value}_quantize`);
    const input = [source, ...this.#gridInputs(grid)];
    this.nodes.push(makeNode({ opType: 'QuantizeLinear', name, input, output: [tensor] }));
    const levels = { tensor, grid };
    this.#levels.set(value, levels);
    return levels;
  }

  /** A float32 tensor that holds the value; the exact one where there is one. */
  float(value: string): string {
    return value === '' || this.#floats.has(value) ? value : this.dequantized(value);
  }

  /** A float32 tensor that is read from the 8-bit form, as the runtime wants it before an 8-bit operator. */
  dequantized(value: string): string {
    const known = this.#dequantized.get(value);
    if (known !== undefined) return known;
    const { tensor, grid } = this.levels(value);
    const output = this.#floats.has(value) ? this.#names.take(`${value}_dq`) : value;
    const name = this.#names.take(`${value}_dequantize`);
    const input = [tensor, ...this.#gridInputs(grid)];
    this.nodes.push(makeNode({ opType: 'DequantizeLinear', name, input, output: [output] }));
    this.#dequantized.set(value, output);
    this.#floats.add(output);
    return output;
  }

  /** A new name for a tensor that belongs to `value`. */
  name(wish: string): string {
    return this.#names.take(wish);
  }

  /** Scale and zero point as constants, one pair for equal grids. */
  #gridInputs({ scale, zero }: Grid): [string, string] {
    return [
      this.#constant(`scale_${scale}`, (name) => float32Tensor(name, [scale], [])),
      this.#constant(`zero_${zero}`, (name) =>
        this.#type === 'uint8'
          ? writeTensor(name, { type: 'uint8', dims: [], data: Uint8Array.of(zero) })
          : writeTensor(name, { type: 'int8', dims: [], data: Int8Array.of(zero - 128) }),
      ),
    ];
  }

  #constant(key: string, make: (name: string) => GraphProto['initializer'][number]): string {
    const known = this.#scales.get(key);
    if (known !== undefined) return known;
    const name = this.#names.take(key);
    this.#graph.initializer.push(make(name));
    this.#scales.set(key, name);
    return name;
  }
}
