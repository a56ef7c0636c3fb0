import { intAttribute, type NodeProto, sameDomain } from '../../onnx/index.ts';
import type { FoundConstant } from './find.ts';

/** A tensor seen as [outer, length, inner]: the middle axis is the one that its operator sums over. */
export interface SummedView {
  outer: number;
  length: number;
  inner: number;
  /** The axes that the middle one is made of. */
  from: number;
  to: number;
}

/** The inputs of operators that are weights: matrices and filters, whose products are sums over many. */
const WEIGHT_INPUTS: Record<string, readonly number[]> = {
  Conv: [1],
  ConvTranspose: [1],
  Gather: [0],
  Gemm: [0, 1],
  GRU: [1, 2],
  LSTM: [1, 2],
  MatMul: [0, 1],
  RNN: [1, 2],
};

/** The same of ONNX Runtime's own operators. */
const OWN_WEIGHT_INPUTS: typeof WEIGHT_INPUTS = {
  Attention: [1],
  EmbedLayerNormalization: [2, 3, 4],
  FusedConv: [1],
  FusedGemm: [0, 1],
  FusedMatMul: [0, 1],
};

/** Whether a constant is used as weights only: what one of its elements does, many others do as well. */
export function isWeight({ consumers }: FoundConstant): boolean {
  return (
    consumers.length > 0 &&
    consumers.every((each) => each !== undefined && weightInputs(each.node)?.includes(each.index) === true)
  );
}

function weightInputs({ domain, opType }: NodeProto): readonly number[] | undefined {
  if (sameDomain(domain, '')) return WEIGHT_INPUTS[opType];
  return domain === 'com.microsoft' ? OWN_WEIGHT_INPUTS[opType] : undefined;
}

/** Weights by the axes that every reader sums over, as far as that is one range; else by the last. */
export function summedView({ tensor, readers, consumers }: FoundConstant): SummedView {
  const dims = tensor.dims.map(Number);
  const direct = consumers.filter((each) => each !== undefined);
  const passed = direct.length !== readers.length;
  const ranges = passed ? [] : direct.map(({ node, index }) => summedBy(node, index, dims.length));
  const [first = lastOf(dims.length)] = ranges;
  const agree = ranges.every(({ from, to }) => from === first.from && to === first.to);
  const { from, to } = agree ? first : lastOf(dims.length);
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  return {
    outer: product(dims.slice(0, from)),
    length: product(dims.slice(from, to)),
    inner: product(dims.slice(to)),
    from,
    to,
  };
}

type Axes = Pick<SummedView, 'from' | 'to'>;

function summedBy(node: NodeProto, index: number, rank: number): Axes {
  switch (node.opType) {
    case 'Attention':
      return { from: 0, to: 1 };
    case 'Conv':
    case 'FusedConv':
      return { from: 1, to: rank };
    case 'ConvTranspose':
      return { from: 0, to: 1 };
    case 'MatMul':
      return index === 1 ? lastButOneOf(rank) : lastOf(rank);
    case 'FusedGemm':
    case 'FusedMatMul':
    case 'Gemm': {
      const turned = intAttribute(node, index === 0 ? 'transA' : 'transB', 0) !== 0;
      return turned === (index === 0) ? lastButOneOf(rank) : lastOf(rank);
    }
    default:
      return lastOf(rank);
  }
}

function lastOf(rank: number): Axes {
  return { from: Math.max(0, rank - 1), to: rank };
}

function lastButOneOf(rank: number): Axes {
  return rank > 1 ? { from: rank - 2, to: rank - 1 } : lastOf(rank);
}
