import type { RuntimeHandle, Sample } from '../../../../core/index.ts';
import { RecipeNotApplicableError } from '../../errors.ts';
import {
  decodeModel,
  dropUnused,
  encodeModel,
  GraphView,
  type ModelProto,
  type NodeProto,
} from '../../onnx/index.ts';
import { quantizeTables } from '../tables.ts';
import { valueTypes, type ValueTypes } from '../value-types.ts';
import type { QuantizedWeights } from '../weights.ts';
import { macsOf, sizesOf } from './effort.ts';
import { emitQuantized } from './emit.ts';
import { equalise } from './equalise.ts';
import { observe, type Observations } from './observe.ts';
import { dataInputs, select, type Selection } from './select.ts';
import type { Choice } from './trials.ts';
import { dropIslands } from './worth.ts';

export interface BaseInput {
  keep: (node: NodeProto) => boolean;
  runtime: RuntimeHandle;
  weightBits: 7 | 8;
  activations: 'uint8' | 'int8';
  /** One to learn the sizes of activations from. */
  sample: Sample;
  signal: AbortSignal;
}

/** A prepared fp32 model with everything that is known of it: what candidates are written from. */
export class Base {
  /** Names of the nodes that may be quantised, in the order of the graph. */
  readonly nodes: readonly string[];
  /** Those of them whose weights are quantised. */
  readonly weighted: ReadonlySet<string>;
  /** Multiplications of one run in the nodes that may be quantised, by their names. */
  readonly macsByNode: ReadonlyMap<string, number>;
  readonly #input: BaseInput;
  readonly #bytes: Uint8Array;
  readonly #types: ValueTypes;
  readonly #sizes: ReadonlyMap<string, number>;
  /** Shared with a base that has some of its weights from this one. */
  readonly #cache: Map<string, QuantizedWeights>;
  #seen: Observations = { histograms: new Map(), channels: new Map() };

  private constructor(
    input: BaseInput,
    model: ModelProto,
    types: ValueTypes,
    sizes: ReadonlyMap<string, number>,
    cache = new Map<string, QuantizedWeights>(),
  ) {
    this.#input = input;
    this.#cache = cache;
    this.#bytes = encodeModel(model);
    this.#types = types;
    this.#sizes = sizes;
    const { weighted, carried } = this.#select(model, new Set());
    const view = new GraphView(model.graph);
    this.nodes = model.graph.node
      .filter((node) => weighted.has(node) || carried.has(node))
      .map(({ name }) => name);
    this.weighted = new Set([...weighted].map(({ name }) => name));
    this.macsByNode = new Map([...weighted].map((node) => [node.name, macsOf(view, node, sizes)]));
  }

  /** @throws {RecipeNotApplicableError} when nothing in the model gains by 8 bits */
  static async of(model: ModelProto, input: BaseInput): Promise<Base> {
    const { keep, runtime, sample } = input;
    const types = await valueTypes(model, runtime);
    const selection = select(model, types, keep);
    if (selection.weighted.size === 0)
      throw new RecipeNotApplicableError(
        'no Conv, MatMul or Gemm with constant float32 weights may be quantised',
      );
    const view = new GraphView(model.graph);
    const sizes = await sizesOf(model, touchedValues(view, selection), sample, runtime);
    const base = new Base(input, model, types, sizes);
    if (base.weighted.size === 0)
      throw new RecipeNotApplicableError('converting to 8 bits and back would take longer than it saves');
    return base;
  }

  /** Multiplications of one run. */
  get macs(): number {
    return [...this.macsByNode.values()].reduce((sum, macs) => sum + macs, 1);
  }

  /** Measures ranges. To be done before anything is written. */
  async observe(samples: readonly Sample[]): Promise<void> {
    this.#seen = await this.#look(samples, () => true);
  }

  /** The same model with channels equalised and its own ranges; undefined where there is nothing to equalise. */
  async equalised(samples: readonly Sample[]): Promise<Base | undefined> {
    const model = decodeModel(this.#bytes);
    const peaks = (value: string): Float64Array | undefined => this.#seen.channels.get(value)?.peaks();
    const changed = equalise(model, peaks, this.#input.keep);
    if (changed.size === 0) return undefined;
    dropUnused(model.graph);
    const base = new Base(this.#input, model, this.#types, this.#sizes, this.#cache);
    const { histograms, channels } = await base.#look(samples, (value) => changed.has(value));
    base.#seen = {
      histograms: new Map([...this.#seen.histograms, ...histograms]),
      channels: new Map([...this.#seen.channels, ...channels]),
    };
    return base;
  }

  async #look(samples: readonly Sample[], wants: (value: string) => boolean): Promise<Observations> {
    const { runtime, signal } = this.#input;
    const model = decodeModel(this.#bytes);
    const selection = this.#select(model, new Set());
    const touched = [...touchedValues(new GraphView(model.graph), selection)];
    const values = new Set(touched.filter((value) => wants(value)));
    const channels = new Map<string, number>();
    for (const node of selection.weighted) {
      const value = node.input[0] ?? '';
      if (values.has(value)) channels.set(value, channelAxis(node));
    }
    return observe(model, { values, channels, sizes: this.#sizes }, samples, runtime, signal);
  }

  write({ limits, leave, correctBias }: Choice): Uint8Array {
    const { weightBits, activations, keep } = this.#input;
    const model = decodeModel(this.#bytes);
    const { histograms, channels } = this.#seen;
    emitQuantized({
      model,
      selection: this.#select(model, leave),
      histograms,
      limits,
      weightBits,
      activations,
      cache: this.#cache,
      ...(correctBias
        ? { means: new Map([...channels].map(([name, channel]) => [name, channel.means()])) }
        : {}),
    });
    quantizeTables(model, keep);
    dropUnused(model.graph);
    return encodeModel(model);
  }

  #select(model: ModelProto, leave: ReadonlySet<string>): Selection {
    const { keep } = this.#input;
    const selection = select(model, this.#types, (node) => keep(node) || leave.has(node.name));
    return dropIslands(model, selection, this.#sizes);
  }
}

/** Every activation that may have to be written in 8 bits. */
function touchedValues(view: GraphView, { weighted, carried }: Selection): Set<string> {
  const names = new Set<string>();
  for (const node of weighted)
    for (const name of [node.input[0] ?? '', node.output[0] ?? '']) names.add(name);
  for (const node of carried) for (const name of [...dataInputs(view, node), ...node.output]) names.add(name);
  names.delete('');
  return names;
}

/** The axis of a node's input that its weights are summed over. */
function channelAxis(node: NodeProto): number {
  return node.opType === 'Conv' ? 1 : -1;
}
