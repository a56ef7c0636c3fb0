import { float32Tensor, type NameBook, writeTensor } from '../../onnx/index.ts';
import { floatsOf } from '../constants.ts';
import { type QuantizedWeights, quantizeWeights } from '../weights.ts';
import type { HeldConstant, Scope } from '../products/scope.ts';

/** How the values of a constant become the weights that an operator takes. */
export interface WeightForm {
  /** Says it in short: the same for the same change. */
  key: string;
  /** The shape of the weights: stacks of matrices, each [inputs, outputs]. */
  stacks: number;
  inputs: number;
  outputs: number;
  /** Shapes in the file. */
  dims: { weights: number[]; scales: number[] };
  /** The weights, matrix by matrix, row by row. */
  arrange: (values: Float32Array) => Float32Array;
}

/** Names of quantised weights and of their scales. */
export interface NamedWeights {
  weights: string;
  scales: string;
}

/** Quantised weights by where they come from: worked out once, however often their model is written. */
export type QuantizedCache = Map<string, QuantizedWeights>;

/** Puts quantised weights beside the constants that they come from: once, whoever asks for them. */
export class WeightBook {
  readonly #names: NameBook;
  readonly #bits: 7 | 8;
  readonly #cache: QuantizedCache;
  readonly #written = new Map<string, NamedWeights>();
  readonly #scales = new Set<string>();

  constructor(names: NameBook, bits: 7 | 8, cache: QuantizedCache) {
    this.#names = names;
    this.#bits = bits;
    this.#cache = cache;
  }

  /** Names of all scales that were written. */
  get scales(): ReadonlySet<string> {
    return this.#scales;
  }

  /** The weights in 8 bits, each output of each matrix with its own scale. */
  write({ tensor, home }: HeldConstant, form: WeightForm): NamedWeights {
    const key = `${home.path}/${tensor.name}/${form.key}`;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    const { values, scales } = this.#quantized(key, tensor, form);
    const weights = this.#add(home, `${tensor.name}_q`, (name) =>
      writeTensor(name, { type: 'int8', dims: form.dims.weights, data: values }),
    );
    const named = {
      weights,
      scales: this.#add(home, `${tensor.name}_scale`, (name) =>
        float32Tensor(name, scales, form.dims.scales),
      ),
    };
    this.#written.set(key, named);
    this.#scales.add(named.scales);
    return named;
  }

  #quantized(key: string, tensor: HeldConstant['tensor'], form: WeightForm): QuantizedWeights {
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const { stacks, inputs, outputs } = form;
    const all = form.arrange(floatsOf(tensor));
    const [values, scales] = [new Int8Array(all.length), new Float32Array(stacks * outputs)];
    for (let stack = 0; stack < stacks; stack += 1) {
      const size = inputs * outputs;
      const matrix = all.subarray(stack * size, (stack + 1) * size);
      const quantized = quantizeWeights(matrix, [inputs, outputs], 1, { bits: this.#bits });
      values.set(quantized.values, stack * size);
      scales.set(quantized.scales, stack * outputs);
    }
    const made = { values, scales };
    this.#cache.set(key, made);
    return made;
  }

  #add(home: Scope, wish: string, make: (name: string) => HeldConstant['tensor']): string {
    const name = this.#names.take(wish);
    home.graph.initializer.push(make(name));
    return name;
  }
}
