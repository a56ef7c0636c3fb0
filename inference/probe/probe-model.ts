import type { Tensors } from '../../core/index.ts';
import { initializer, model, node, value } from './onnx-writer.ts';

/**
 * The model that a runtime must get right before it is used: float and integer convolutions and matrix products, the
 * kernels that differ most between processors. All numbers are small whole ones, so that every order of summation
 * gives exactly the same result, in float32 too.
 */

export const CHANNELS = 4;
export const FILTERS = 8;
export const SIDE = 12;
export const KERNEL = 3;
export const CLASSES = 16;
/** Scale of the integer convolution's output. All its sums are odd, so that none lies halfway between two results. */
export const OUTPUT_SCALE = 128;
export const OUTPUT_ZERO = 128;

const PIXELS = SIDE * SIDE;
const OPSET = 13;
const LARGEST_BYTE = 255;

/** Whole numbers between `from` and `to`, in multiples of `step`: the same ones for a seed, always. */
function numbers(count: number, seed: number, from: number, to: number, step = 1): number[] {
  const choices = (to - from) / step + 1;
  let state = seed;
  return Array.from({ length: count }, () => {
    // Numerical Recipes' linear congruential generator; its high bits are the good ones.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from + step * Math.floor((state / 2 ** 32) * choices);
  });
}

export const WEIGHTS = {
  filters: numbers(FILTERS * CHANNELS * KERNEL * KERNEL, 1, -2, 2),
  filterBias: numbers(FILTERS, 2, -9, 9),
  dense: numbers(FILTERS * PIXELS * CLASSES, 3, -2, 2),
  denseBias: numbers(CLASSES, 4, -99, 99),
  byteFilters: numbers(FILTERS * CHANNELS * KERNEL * KERNEL, 5, -8, 8, 2),
  byteFilterBias: numbers(FILTERS, 6, -99, 99, 2),
  byteDense: numbers(CHANNELS * PIXELS * CLASSES, 7, -60, 60),
};

export const INPUTS = {
  picture: numbers(CHANNELS * PIXELS, 8, -4, 4),
  // The dynamic quantiser's scale is 1 where the input reaches from 0 to 255.
  bytes: [0, LARGEST_BYTE, ...numbers(CHANNELS * PIXELS - 2, 9, 0, LARGEST_BYTE)],
};

const PICTURE_DIMS = [1, CHANNELS, SIDE, SIDE];
const FILTER_DIMS = [FILTERS, CHANNELS, KERNEL, KERNEL];

export function probeInputs(): Tensors {
  return {
    picture: { type: 'float32', dims: PICTURE_DIMS, data: Float32Array.from(INPUTS.picture) },
    bytes: { type: 'uint8', dims: PICTURE_DIMS, data: Uint8Array.from(INPUTS.bytes) },
  };
}

/** The model as ONNX bytes. */
export function probeModel(): Uint8Array {
  const same = { kernel_shape: [KERNEL, KERNEL], pads: [1, 1, 1, 1] };
  return model('probe', OPSET, [
    value(11, 'picture', 'float32', PICTURE_DIMS),
    value(11, 'bytes', 'uint8', PICTURE_DIMS),
    value(12, 'dense', 'float32', [1, CLASSES]),
    value(12, 'convolved', 'uint8', [1, FILTERS, SIDE, SIDE]),
    value(12, 'dynamic', 'float32', [1, CLASSES]),
    initializer('filters', 'float32', FILTER_DIMS, Float32Array.from(WEIGHTS.filters)),
    initializer('filter-bias', 'float32', [FILTERS], Float32Array.from(WEIGHTS.filterBias)),
    initializer('dense-weights', 'float32', [FILTERS * PIXELS, CLASSES], Float32Array.from(WEIGHTS.dense)),
    initializer('dense-bias', 'float32', [CLASSES], Float32Array.from(WEIGHTS.denseBias)),
    initializer('byte-filters', 'int8', FILTER_DIMS, Int8Array.from(WEIGHTS.byteFilters)),
    initializer('byte-filter-bias', 'int32', [FILTERS], Int32Array.from(WEIGHTS.byteFilterBias)),
    initializer('byte-dense', 'int8', [CHANNELS * PIXELS, CLASSES], Int8Array.from(WEIGHTS.byteDense)),
    initializer('one', 'float32', [], Float32Array.of(1)),
    initializer('no-shift', 'uint8', [], Uint8Array.of(0)),
    initializer('no-weight-shift', 'int8', [], Int8Array.of(0)),
    initializer('output-scale', 'float32', [], Float32Array.of(OUTPUT_SCALE)),
    initializer('output-shift', 'uint8', [], Uint8Array.of(OUTPUT_ZERO)),
    node('Conv', ['picture', 'filters', 'filter-bias'], ['maps'], same),
    node('Relu', ['maps'], ['positive']),
    node('Flatten', ['positive'], ['row'], { axis: 1 }),
    node('MatMul', ['row', 'dense-weights'], ['product']),
    node('Add', ['product', 'dense-bias'], ['dense']),
    node(
      'QLinearConv',
      [
        ...['bytes', 'one', 'no-shift', 'byte-filters', 'one', 'no-weight-shift'],
        ...['output-scale', 'output-shift', 'byte-filter-bias'],
      ],
      ['convolved'],
      same,
    ),
    node('Cast', ['bytes'], ['float-bytes'], { to: 1 }),
    node('Flatten', ['float-bytes'], ['float-row'], { axis: 1 }),
    node('DynamicQuantizeLinear', ['float-row'], ['byte-row', 'row-scale', 'row-shift']),
    node('MatMulInteger', ['byte-row', 'byte-dense', 'row-shift'], ['sums']),
    node('Cast', ['sums'], ['float-sums'], { to: 1 }),
    node('Mul', ['float-sums', 'row-scale'], ['dynamic']),
  ]);
}
