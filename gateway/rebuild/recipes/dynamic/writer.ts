import { makeNode, type NameBook } from '../../onnx/index.ts';
import { NodeWriter } from '../products/node-writer.ts';
import type { HeldConstant, Scope } from '../products/scope.ts';
import type { NamedWeights, WeightBook, WeightForm } from './weight-book.ts';

/** An activation in 8 bits: names of its levels, its scale and its zero point. */
export interface QuantizedActivation {
  levels: string;
  scale: string;
  zero: string;
}

/** Writes the nodes of one graph that compute in 8 bits. */
export class DynamicWriter extends NodeWriter {
  readonly #weights: WeightBook;
  readonly #activations = new Map<string, QuantizedActivation>();

  constructor(scope: Scope, names: NameBook, weights: WeightBook) {
    super(scope, names);
    this.#weights = weights;
  }

  weights(constant: HeldConstant, form: WeightForm): NamedWeights {
    return this.#weights.write(constant, form);
  }

  /** The activation in 8 bits, with the range that it has in this very run: quantised once for all who read it. */
  activation(value: string): QuantizedActivation {
    const known = this.#activations.get(value);
    if (known !== undefined) return known;
    const take = (what: string): string => this.names.take(`${value}_${what}`);
    const made = { levels: take('q'), scale: take('scale'), zero: take('zero') };
    this.scope.nodes.push(
      makeNode({
        opType: 'DynamicQuantizeLinear',
        name: take('quantize'),
        input: [value],
        output: [made.levels, made.scale, made.zero],
      }),
    );
    this.#activations.set(value, made);
    return made;
  }
}
