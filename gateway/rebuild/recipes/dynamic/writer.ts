import { type AttributeValue, makeNode, type NameBook, type TensorProto } from '../../onnx/index.ts';
import type { HeldConstant, Scope } from './scope.ts';
import type { NamedWeights, WeightBook, WeightForm } from './weight-book.ts';

/** An activation in 8 bits: names of its levels, its scale and its zero point. */
export interface QuantizedActivation {
  levels: string;
  scale: string;
  zero: string;
}

interface Step {
  opType: string;
  input: string[];
  /** A new name unless one is given. */
  output?: string;
  domain?: string;
  attributes?: Record<string, AttributeValue>;
}

/** Writes the nodes of one graph that compute in 8 bits. */
export class DynamicWriter {
  readonly scope: Scope;
  readonly #names: NameBook;
  readonly #weights: WeightBook;
  readonly #activations = new Map<string, QuantizedActivation>();

  constructor(scope: Scope, names: NameBook, weights: WeightBook) {
    this.scope = scope;
    this.#names = names;
    this.#weights = weights;
  }

  weights(constant: HeldConstant, form: WeightForm): NamedWeights {
    return this.#weights.write(constant, form);
  }

  /** The activation in 8 bits, with the range that it has in this very run: quantised once for all who read it. */
  activation(value: string): QuantizedActivation {
    const known = this.#activations.get(value);
    if (known !== undefined) return known;
    const take = (what: string): string => this.#names.take(`${value}_${what}`);
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

  /** Adds a node with one output; the output's name. `of` is the node that it comes from. */
  add(of: string, { opType, input, output, domain = '', attributes = {} }: Step): string {
    const made = output ?? this.#names.take(`${of}_${opType}_out`);
    const name = this.#names.take(`${of}_${opType}`);
    this.scope.nodes.push(makeNode({ opType, name, input, output: [made], domain, attributes }));
    return made;
  }

  constant(of: string, what: string, make: (name: string) => TensorProto): string {
    const name = this.#names.take(`${of}_${what}`);
    this.scope.graph.initializer.push(make(name));
    return name;
  }
}
