import type { AttributeValue } from '../../gateway/rebuild/onnx/index.ts';
import { GraphWriter, noise } from './onnx-graphs.ts';

/** Every value is of one of two shapes, so that any operator can follow any other. */
export const CHANNELS = 16;
export const SIDE = 6;
export const WIDTH = 64;
export const MAP = [1, CHANNELS, SIDE, SIDE];
export const ROW = [1, WIDTH];
/** Rows of the table that the input `id` chooses one of. */
export const ROWS_OF_TABLE = 40;

/** A graph that grows by random steps: the values that a step may read, and the weights that steps share. */
export class RandomGraph {
  readonly writer = new GraphWriter();
  readonly opset: number;
  readonly #maps = ['x'];
  readonly #rows = ['r'];
  readonly #made: string[] = [];
  readonly #weights = new Map<string, string>();
  #count = 0;

  constructor(opset: number) {
    this.opset = opset;
  }

  map(choice: number): string {
    return this.#maps[choice % this.#maps.length] ?? 'x';
  }

  row(choice: number): string {
    return this.#rows[choice % this.#rows.length] ?? 'r';
  }

  /** Values that later steps may read, in the order in which they were made; a map's name begins with `map`. */
  made(): readonly string[] {
    return this.#made;
  }

  newName(kind: string): string {
    this.#count += 1;
    return `${kind}_${this.#count}`;
  }

  /** A node whose one output only the same step reads. */
  inner(opType: string, input: string[], attributes: Record<string, AttributeValue> = {}): string {
    return this.writer.node(opType, input, attributes, this.newName('inner'));
  }

  addMap(opType: string, input: string[], attributes: Record<string, AttributeValue> = {}): void {
    const name = this.writer.node(opType, input, attributes, this.newName('map'));
    this.#maps.push(name);
    this.#made.push(name);
  }

  addRow(opType: string, input: string[], attributes: Record<string, AttributeValue> = {}): void {
    const name = this.writer.node(opType, input, attributes, this.newName('row'));
    this.#rows.push(name);
    this.#made.push(name);
  }

  /** Weights for sums over `terms` values, scaled so that a layer's results are about as large as what it is given. */
  weights(dims: number[], terms: number, seed: number): string {
    return this.constant(dims, seed, (value) => value * Math.sqrt(3 / terms));
  }

  /** A constant; the same one for the same shape, seed and use. */
  constant(dims: number[], seed: number, use: (value: number) => number): string {
    const key = JSON.stringify([dims, seed, use.toString(), use(1)]);
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    const count = dims.reduce((product, dim) => product * dim, 1);
    const made = this.writer.floats(noise(count, seed + 1).map(use), dims);
    this.#weights.set(key, made);
    return made;
  }
}
