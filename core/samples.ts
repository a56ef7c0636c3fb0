import { z } from 'zod';
import { decode, encode } from './codec.ts';
import { MAX_SAMPLE_SET_BYTES } from './limits.ts';
import { parseWith } from './parse.ts';
import { isTensorType, type Tensor, tensorBytes, tensorFromBytes, type Tensors } from './tensor.ts';

/**
 * One example for a model: its inputs and, where somebody knows it, the truth. What `expected` holds depends on the
 * card's metric: class index, or one for each row (`top1`, `auc`), list of class indices without blanks (`ctc-exact`),
 * the right elements (`exact`, `max-error`), 0 or 1 (`binary`, `auc` with one score), indices of what is there to be
 * found (`recall`), class, x1, y1, x2, y2 of each box (`map`), whatever its module takes (`app`), nothing otherwise.
 */
export interface Sample {
  inputs: Tensors;
  expected?: number | number[];
}

/** Calibration, validation or golden data of a model, in the order that its author gave. */
export interface SampleSet {
  samples: Sample[];
}

/** A uint8 tensor that stands for float32 values `element * scale + shift`: a picture at a quarter of the size. */
interface PackedTensor {
  type: string;
  dims: number[];
  data: Uint8Array;
  scale?: number;
  shift?: number;
}

const packedTensor = z.object({
  type: z.string().refine(isTensorType, 'not a tensor type'),
  dims: z.array(z.number().int().nonnegative()).max(8),
  data: z.instanceof(Uint8Array),
  scale: z.number().optional(),
  shift: z.number().optional(),
});

const sampleSet = z.object({
  version: z.literal(1),
  samples: z
    .array(
      z.object({
        inputs: z.record(z.string().max(200), packedTensor),
        expected: z.union([z.number(), z.array(z.number()).max(10_000)]).optional(),
      }),
    )
    .max(100_000),
});

/** The affine packing of pictures that `encodeSamples` may apply to a float32 input. */
export interface Packing {
  scale: number;
  shift: number;
}

/** Encodes samples as `application/vnd.floormesh.samples.v1+cbor`. `packing` stores those inputs as bytes. */
export function encodeSamples(set: SampleSet, packing: Record<string, Packing> = {}): Uint8Array {
  const samples = set.samples.map((sample) => ({
    inputs: Object.fromEntries(
      Object.entries(sample.inputs).map(([name, tensor]) => [name, pack(tensor, packing[name])]),
    ),
    ...(sample.expected === undefined ? {} : { expected: sample.expected }),
  }));
  return encode({ version: 1, samples });
}

/** @throws {MessageTooLargeError} @throws {InvalidInputError} */
export function decodeSamples(bytes: Uint8Array): SampleSet {
  const parsed = parseWith(sampleSet, decode(bytes, MAX_SAMPLE_SET_BYTES), 'sample set');
  return {
    samples: parsed.samples.map((sample) => ({
      inputs: Object.fromEntries(
        Object.entries(sample.inputs).map(([name, tensor]) => [name, unpack(tensor)]),
      ),
      ...(sample.expected === undefined ? {} : { expected: sample.expected }),
    })),
  };
}

function pack(tensor: Tensor, packing: Packing | undefined): PackedTensor {
  if (packing === undefined || !(tensor.data instanceof Float32Array))
    return { type: tensor.type, dims: tensor.dims, data: tensorBytes(tensor) };
  const { scale, shift } = packing;
  const values = tensor.data;
  const data = new Uint8ClampedArray(values.length);
  // A loop: `from` with a function takes several times as long, and sample sets have millions of elements.
  for (let i = 0; i < values.length; i += 1) data[i] = ((values[i] ?? 0) - shift) / scale;
  return { type: 'uint8', dims: tensor.dims, data: new Uint8Array(data.buffer), scale, shift };
}

function unpack(packed: PackedTensor): Tensor {
  const { scale, shift = 0 } = packed;
  if (scale === undefined) return tensorFromBytes(packed.type as Tensor['type'], packed.dims, packed.data);
  const data = new Float32Array(packed.data.length);
  for (let i = 0; i < data.length; i += 1) data[i] = (packed.data[i] ?? 0) * scale + shift;
  return { type: 'float32', dims: packed.dims, data };
}
