import { float32Tensor, type NameBook, type TensorProto, writeTensor } from '../../onnx/index.ts';
import { floatsOf } from '../constants.ts';
import { type Product, transposed } from '../products/product.ts';
import type { HeldConstant, Scope } from '../products/scope.ts';
import { type Bits, BLOCK, type BlockLevels, quantizeRows } from './levels.ts';

/** Names of weights in blocks and of their scales. */
export interface NamedBlocks {
  levels: string;
  scales: string;
}

/** Quantised weights by where they come from: worked out once, however often their model is written. */
export type BlockCache = Map<string, BlockLevels>;

/** Puts weights in blocks beside the constants that they come from: once, whoever asks for them. */
export class BlockBook {
  readonly #names: NameBook;
  readonly #cache: BlockCache;
  readonly #written = new Map<string, NamedBlocks>();
  readonly #scales = new Set<string>();

  constructor(names: NameBook, cache: BlockCache) {
    this.#names = names;
    this.#cache = cache;
  }

  /** Names of all scales that were written. */
  get scales(): ReadonlySet<string> {
    return this.#scales;
  }

  /** The weights of a product as MatMulNBits takes them: a row for each output, [outputs, blocks, bytes of a block]. */
  matrix({ constant, key, inputs, outputs, arrange }: Product, bits: Bits): NamedBlocks {
    const blocks = Math.ceil(inputs / BLOCK);
    return this.#write(constant, `${key}/${bits}`, {
      quantize: (values) => quantizeRows(transposed(arrange(values), inputs, outputs), outputs, inputs, bits),
      dims: { levels: [outputs, blocks, (BLOCK * bits) / 8], scales: [outputs * blocks] },
    });
  }

  /** A table as GatherBlockQuantized takes it. Its rows are a whole number of blocks. */
  table(constant: HeldConstant, bits: Bits): NamedBlocks {
    const [rows = 0, columns = 0] = constant.tensor.dims.map(Number);
    return this.#write(constant, `table/${bits}`, {
      quantize: (values) => quantizeRows(values, rows, columns, bits),
      dims: { levels: [rows, (columns * bits) / 8], scales: [rows, columns / BLOCK] },
    });
  }

  #write(
    { tensor, home }: HeldConstant,
    form: string,
    how: {
      quantize: (values: Float32Array) => BlockLevels;
      dims: { levels: number[]; scales: number[] };
    },
  ): NamedBlocks {
    const key = `${home.path}/${tensor.name}/${form}`;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    const quantized = this.#cache.get(key) ?? how.quantize(floatsOf(tensor));
    this.#cache.set(key, quantized);
    const { bytes, scales } = quantized;
    const named = {
      levels: this.#add(home, `${tensor.name}_blocks`, (name) =>
        writeTensor(name, { type: 'uint8', dims: how.dims.levels, data: bytes }),
      ),
      scales: this.#add(home, `${tensor.name}_scale`, (name) => float32Tensor(name, scales, how.dims.scales)),
    };
    this.#written.set(key, named);
    this.#scales.add(named.scales);
    return named;
  }

  #add(home: Scope, wish: string, make: (name: string) => TensorProto): string {
    const name = this.#names.take(wish);
    home.graph.initializer.push(make(name));
    return name;
  }
}
