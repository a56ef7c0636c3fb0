import { DATA_TYPE, makeValueInfo } from '../../../gateway/rebuild/onnx/index.ts';
import { GraphWriter } from './graph-writer.ts';
import { Draw } from './weights.ts';

export interface TransformerShape {
  layers: number;
  hidden: number;
  heads: number;
  intermediate: number;
  vocabulary: number;
  /** Longest sequence. */
  positions: number;
  seed: number;
}

/** The shape of MiniLM-L6, which most sentence searches run. */
export const MINILM: TransformerShape = {
  layers: 6,
  hidden: 384,
  heads: 12,
  intermediate: 1536,
  vocabulary: 30_522,
  positions: 512,
  seed: 6,
};

const OPSET = 14;
const EPSILON = 1e-12;
/** What BERT adds to the score of a token that is not to be looked at. */
const MASKED = -10_000;

/**
 * An encoder as PyTorch exports BERT (Devlin et al. 2018) at operator set 14: LayerNorm and Gelu in pieces, shapes
 * taken from the input as it runs. Its weights were never trained, but have the statistics of such: heavy tails, a few
 * channels far stronger than the rest, attention that is sharp in some heads.
 *
 * Takes `input_ids` and `attention_mask`, int64 [batch, sequence]; gives `last_hidden_state`, float32.
 */
export function makeTransformer(shape: TransformerShape): Uint8Array {
  return new TransformerWriter(shape).write();
}

class TransformerWriter {
  readonly #graph = new GraphWriter();
  readonly #draw: Draw;
  readonly #shape: TransformerShape;

  constructor(shape: TransformerShape) {
    this.#shape = shape;
    this.#draw = new Draw(shape.seed);
  }

  write(): Uint8Array {
    const { layers, hidden } = this.#shape;
    let state = this.#embed();
    const mask = this.#mask();
    for (let layer = 0; layer < layers; layer += 1) {
      const name = `encoder.layer.${layer}`;
      const attended = this.#attention(`${name}.attention`, state, mask);
      const first = this.#norm(
        `${name}.attention.output.LayerNorm`,
        this.#graph.op('Add', [attended, state]),
      );
      const fed = this.#feed(name, first);
      const last = layer === layers - 1 ? 'last_hidden_state' : undefined;
      state = this.#norm(`${name}.output.LayerNorm`, this.#graph.op('Add', [fed, first]), last);
    }
    const tokens = (name: string) => makeValueInfo(name, DATA_TYPE.int64, ['batch', 'sequence']);
    const output = makeValueInfo(state, DATA_TYPE.float32, ['batch', 'sequence', hidden]);
    return this.#graph.model([tokens('input_ids'), tokens('attention_mask')], [output], OPSET);
  }

  #embed(): string {
    const graph = this.#graph;
    const { vocabulary, positions, hidden } = this.#shape;
    const words = this.#table('embeddings.word_embeddings.weight', vocabulary, 0.05);
    const places = this.#table('embeddings.position_embeddings.weight', positions, 0.015);
    const kind = graph.floats('embeddings.token_type', this.#draw.channels(hidden, 0, 0.01), [1, 1, hidden]);
    const sequence = this.#size('input_ids', 1);
    const range = graph.op('Slice', [
      graph.ints(
        Array.from({ length: positions }, (_, i) => i),
        [1, positions],
      ),
      graph.ints([0]),
      graph.op('Unsqueeze', [sequence, graph.ints([0])]),
      graph.ints([1]),
    ]);
    const word = graph.op('Gather', [words, 'input_ids'], { axis: 0 });
    const place = graph.op('Gather', [places, range], { axis: 0 });
    const sum = graph.op('Add', [graph.op('Add', [word, kind]), place]);
    return this.#norm('embeddings.LayerNorm', sum);
  }

  #mask(): string {
    const graph = this.#graph;
    const wide = graph.op('Unsqueeze', [
      graph.op('Unsqueeze', ['attention_mask', graph.ints([1])]),
      graph.ints([2]),
    ]);
    const floats = graph.op('Cast', [wide], { to: DATA_TYPE.float32 });
    return graph.op('Mul', [graph.op('Sub', [graph.scalar(1), floats]), graph.scalar(MASKED)]);
  }

  #attention(name: string, state: string, mask: string): string {
    const graph = this.#graph;
    const { hidden, heads } = this.#shape;
    const each = hidden / heads;
    // Sharper than at random: trained heads look at some tokens only.
    const query = this.#heads(this.#linear(`${name}.self.query`, state, hidden, hidden, 0.07), [0, 2, 1, 3]);
    const key = this.#heads(this.#linear(`${name}.self.key`, state, hidden, hidden, 0.07), [0, 2, 3, 1]);
    const value = this.#heads(this.#linear(`${name}.self.value`, state, hidden, hidden, 0.045), [0, 2, 1, 3]);
    const scores = graph.op('Div', [graph.op('MatMul', [query, key]), graph.scalar(Math.sqrt(each))]);
    const shares = graph.op('Softmax', [graph.op('Add', [scores, mask])], { axis: 3 });
    const mixed = graph.op('Transpose', [graph.op('MatMul', [shares, value])], { perm: [0, 2, 1, 3] });
    const joined = graph.op('Reshape', [mixed, this.#shapeLike(mixed, [hidden])]);
    return this.#linear(`${name}.output.dense`, joined, hidden, hidden, 0.045);
  }

  #heads(value: string, perm: number[]): string {
    const { hidden, heads } = this.#shape;
    const split = this.#graph.op('Reshape', [value, this.#shapeLike(value, [heads, hidden / heads])]);
    return this.#graph.op('Transpose', [split], { perm });
  }

  /** The first two dimensions of a value, and then these. */
  #shapeLike(value: string, last: readonly number[]): string {
    const graph = this.#graph;
    const first = [0, 1].map((axis) => graph.op('Unsqueeze', [this.#size(value, axis), graph.ints([0])]));
    return graph.op('Concat', [...first, ...last.map((size) => graph.ints([size]))], { axis: 0 });
  }

  #size(value: string, axis: number): string {
    const graph = this.#graph;
    return graph.op('Gather', [graph.op('Shape', [value]), graph.ints([axis], [])], { axis: 0 });
  }

  #feed(name: string, state: string): string {
    const graph = this.#graph;
    const { hidden, intermediate } = this.#shape;
    const wide = this.#linear(`${name}.intermediate.dense`, state, hidden, intermediate, 0.05);
    // Gelu(x) = x · (1 + erf(x / √2)) · ½
    const erf = graph.op('Erf', [graph.op('Div', [wide, graph.scalar(Math.SQRT2)])]);
    const gated = graph.op('Mul', [wide, graph.op('Add', [erf, graph.scalar(1)])]);
    const active = graph.op('Mul', [gated, graph.scalar(0.5)]);
    return this.#linear(`${name}.output.dense`, active, intermediate, hidden, 0.04);
  }

  #linear(name: string, input: string, from: number, to: number, deviation: number): string {
    const graph = this.#graph;
    const weight = graph.floats(`${name}.weight`, this.#draw.layer(from * to, deviation, from), [from, to]);
    const bias = graph.floats(`${name}.bias`, this.#draw.channels(to, 0, 0.05), [to]);
    return graph.op('Add', [bias, graph.op('MatMul', [input, weight])]);
  }

  #table(name: string, rows: number, deviation: number): string {
    const { hidden } = this.#shape;
    return this.#graph.floats(name, this.#draw.layer(rows * hidden, deviation, rows), [rows, hidden]);
  }

  #norm(name: string, input: string, output?: string): string {
    const graph = this.#graph;
    const { hidden } = this.#shape;
    // A few channels of trained encoders carry several times what the others do (Kovaleva et al. 2021).
    const gain = graph.floats(`${name}.weight`, this.#draw.channels(hidden, 0.85, 0.12, 2, 4), [hidden]);
    const bias = graph.floats(`${name}.bias`, this.#draw.channels(hidden, 0, 0.1, 2, 8), [hidden]);
    const centred = graph.op('Sub', [input, graph.op('ReduceMean', [input], { axes: [-1] })]);
    const square = graph.op('Pow', [centred, graph.scalar(2)]);
    const variance = graph.op('Add', [
      graph.op('ReduceMean', [square], { axes: [-1] }),
      graph.scalar(EPSILON),
    ]);
    const unit = graph.op('Div', [centred, graph.op('Sqrt', [variance])]);
    return graph.op('Add', [graph.op('Mul', [unit, gain]), bias], {}, output);
  }
}
