import {
  dropUnused,
  floatAttribute,
  GraphView,
  isStandard,
  makeNode,
  type ModelProto,
  NameBook,
  type NodeProto,
  capturedBy,
} from '../../onnx/index.ts';
import { floatsOf, scalarOf } from '../constants.ts';
import { firstShift, scalarAffine } from './affine.ts';
import { type Grid, gridOver, gridWithShift, type Range, shifted } from './grid.ts';
import { guardFloat } from './guard.ts';
import type { Histogram } from './histogram.ts';
import { ValueForms } from './levels.ts';
import type { QuantizedWeights } from '../weights.ts';
import { mergeEqualConstants } from './merge.ts';
import { quantizedParameters } from './parameters.ts';
import { type Limits, rangeOf } from './ranges.ts';
import { dataInputs, isMover, LIMITERS, MOVERS, type Selection } from './select.ts';

/** What the writer of the 8-bit graph goes by. */
export interface EmitInput {
  model: ModelProto;
  selection: Selection;
  histograms: ReadonlyMap<string, Histogram>;
  limits: Limits;
  weightBits: 7 | 8;
  /** Element type of activations; `int8` with zero in the middle where values have both signs. */
  activations: 'uint8' | 'int8';
  /** Means of the channels of each weighted node's input, where biases are to make up for rounded weights. */
  means?: ReadonlyMap<string, Float64Array>;
  /** Quantised weights by name, for all candidates of one model. */
  cache: Map<string, QuantizedWeights>;
}

/**
 * Writes the graph of a model anew with QuantizeLinear and DequantizeLinear around the selected nodes: the standard
 * form that a runtime turns into its 8-bit operators (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
 */
export function emitQuantized(input: EmitInput): void {
  new Emitter(input).run();
}

class Emitter {
  readonly #input: EmitInput;
  readonly #selection: Selection;
  readonly #view: GraphView;
  readonly #forms: ValueForms;
  /** Limiters whose work the rounding of the node before them does. */
  readonly #absorbed = new Set<NodeProto>();

  constructor(input: EmitInput) {
    const { graph } = input.model;
    this.#input = input;
    this.#selection = input.selection;
    this.#view = new GraphView(graph);
    this.#forms = new ValueForms({
      graph,
      names: new NameBook(graph),
      type: input.activations,
      gridOf: (value) => this.#gridOf(value),
    });
  }

  run(): void {
    const { graph } = this.#input.model;
    for (const node of graph.node) if (!this.#absorbed.has(node)) this.#emit(node);
    for (const { name } of graph.output) this.#forms.float(name);
    graph.node = this.#forms.nodes;
    dropUnused(graph);
    guardFloat(graph);
    mergeEqualConstants(graph);
  }

  #emit(node: NodeProto): void {
    const { weighted, carried } = this.#selection;
    if (weighted.has(node)) this.#emitWeighted(node);
    else if (carried.has(node) || this.#movesForSubgraph(node)) this.#emitCarried(node);
    else this.#emitFloat(node);
  }

  /**
   * Moves 8-bit values that a subgraph reads afterwards. In fp32, ONNX Runtime 1.30 would move the DequantizeLinear
   * behind the node and read past the inputs of the If or Loop there, which ends the process.
   */
  #movesForSubgraph(node: NodeProto): boolean {
    const [input = ''] = node.input;
    if (!isStandard(node, ...MOVERS) || !isMover(node) || this.#forms.levelsIfAny(input) === undefined)
      return false;
    return this.#view.uses(node.output[0] ?? '').some(({ index }) => index === -1);
  }

  #emitFloat(node: NodeProto): void {
    for (const name of capturedBy(node)) this.#forms.float(name);
    node.input = node.input.map((name) => this.#forms.float(name));
    this.#forms.nodes.push(node);
    for (const name of node.output) this.#forms.addFloat(name);
  }

  #emitWeighted(node: NodeProto): void {
    const data = node.input[0] ?? '';
    const { grid } = this.#forms.levels(data);
    const input = this.#forms.dequantized(data);
    const names = (wish: string): string => this.#forms.name(wish);
    const parameters = quantizedParameters({
      node,
      view: this.#view,
      inputScale: grid.scale,
      bits: this.#input.weightBits,
      names,
      cache: this.#input.cache,
      means: this.#input.means?.get(data),
    });
    this.#input.model.graph.initializer.push(...parameters.tensors);
    this.#forms.nodes.push(...parameters.nodes);
    node.input = [input, ...parameters.inputs];
    if (node.opType === 'Conv') this.#emitQuantizedOutput(node);
    else {
      this.#forms.nodes.push(node);
      for (const name of node.output) this.#forms.addFloat(name);
    }
  }

  #emitCarried(node: NodeProto): void {
    const output = node.output[0] ?? '';
    if (isStandard(node, ...MOVERS)) {
      const { tensor, grid } = this.#forms.levels(node.input[0] ?? '');
      node.input = [tensor, ...node.input.slice(1)];
      node.output = [this.#forms.name(`${output}_q`)];
      this.#forms.nodes.push(node);
      this.#forms.addLevels(output, { tensor: node.output[0] ?? '', grid });
      return;
    }
    if (this.#reread(node)) return;
    if (this.#emitGate(node)) return;
    const data = new Set(dataInputs(this.#view, node));
    node.input = node.input.map((name) =>
      data.has(name) ? this.#forms.dequantized(name) : this.#constant(node, name),
    );
    this.#emitQuantizedOutput(node);
  }

  /** A number added or multiplied: the same 8-bit tensor, read otherwise. */
  #reread(node: NodeProto): boolean {
    const affine = scalarAffine(this.#view, node);
    if (affine === undefined) return false;
    const { tensor, grid } = this.#forms.levels(affine.variable);
    const moved = shifted(grid, affine.shift);
    if (moved === undefined) return false;
    const scale = Math.fround(moved.scale * affine.factor);
    this.#forms.addLevels(node.output[0] ?? '', { tensor, grid: { scale, zero: moved.zero } });
    return true;
  }

  /**
   * clip(alpha · x + beta, 0, 1) is rounding to other levels: the limits of 8 bits cut, and zero and one are the first
   * and the last level. LeakyRelu with slope 1 changes nothing, but is what runtimes turn into one table look-up.
   */
  #emitGate(node: NodeProto): boolean {
    if (!isStandard(node, 'HardSigmoid')) return false;
    const output = node.output[0] ?? '';
    const alpha = floatAttribute(node, 'alpha', 0.2);
    const zero = Math.round(floatAttribute(node, 'beta', 0.5) * 255);
    if (!(alpha > 0) || zero < 0 || zero > 255) return false;
    const source = this.#forms.name(`${output}_f`);
    const input = [this.#forms.dequantized(node.input[0] ?? '')];
    const attributes = { alpha: { float: 1 } };
    this.#forms.nodes.push(
      makeNode({ opType: 'LeakyRelu', name: node.name, input, output: [source], attributes }),
    );
    const { tensor } = this.#forms.quantize(output, source, { scale: Math.fround(1 / (255 * alpha)), zero });
    this.#forms.addLevels(output, { tensor, grid: { scale: Math.fround(1 / 255), zero: 0 } });
    return true;
  }

  /** A constant operand of an 8-bit Add, Mul or Concat, in 8 bits too. */
  #constant(node: NodeProto, name: string): string {
    const tensor = isStandard(node, ...LIMITERS) ? undefined : this.#view.constant(name);
    if (tensor === undefined || name === '') return name;
    if (this.#forms.levelsIfAny(name) === undefined) {
      const values = floatsOf(tensor);
      const low = values.reduce((least, value) => Math.min(least, value), 0);
      const high = values.reduce((most, value) => Math.max(most, value), 0);
      const range = low === high ? { low: 0, high: 1 } : { low, high };
      this.#forms.quantize(name, name, gridOver(range, this.#symmetric));
    }
    return this.#forms.dequantized(name);
  }

  /** Writes the node, and its result in 8 bits; takes a limiter after it along. */
  #emitQuantizedOutput(node: NodeProto): void {
    const own = node.output[0] ?? '';
    let value = own;
    let limits: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
    for (;;) {
      const next = this.#view.onlyConsumer(value);
      if (next === undefined || !this.#selection.carried.has(next) || !isStandard(next, ...LIMITERS)) break;
      const range = this.#limitsOf(next);
      if (range === undefined) break;
      limits = { low: Math.max(limits.low, range.low), high: Math.min(limits.high, range.high) };
      this.#absorbed.add(next);
      value = next.output[0] ?? '';
    }
    const source = this.#forms.name(`${own}_f`);
    node.output = [source];
    this.#forms.nodes.push(node);
    this.#forms.quantize(value, source, this.#gridOf(value, limits));
  }

  /** The limits of Relu or Clip; undefined where they leave out zero, which a grid always has. */
  #limitsOf(node: NodeProto): Range | undefined {
    if (node.opType === 'Relu') return { low: 0, high: Number.POSITIVE_INFINITY };
    const bound = (index: number, otherwise: number): number | undefined =>
      (node.input[index] ?? '') === '' ? otherwise : scalarOf(this.#view.constant(node.input[index]));
    const low = bound(1, Number.NEGATIVE_INFINITY);
    const high = bound(2, Number.POSITIVE_INFINITY);
    return low === undefined || high === undefined || low > 0 || high < 0 ? undefined : { low, high };
  }

  #gridOf(value: string, limits?: Range): Grid {
    const histogram = this.#input.histograms.get(value);
    if (histogram === undefined) throw new TypeError(`${value} was not observed`);
    const best = rangeOf(histogram, this.#input.limits);
    const low = Math.max(best.low, limits?.low ?? best.low);
    const high = Math.min(best.high, limits?.high ?? best.high);
    const range = high > low ? { low, high } : { low: 0, high: 1 };
    if (this.#symmetric) return gridOver(range, true);
    const shift = firstShift(this.#view, this.#selection.carried, value);
    return (shift === undefined ? undefined : gridWithShift(range, shift)) ?? gridOver(range);
  }

  get #symmetric(): boolean {
    return this.#input.activations === 'int8';
  }
}
