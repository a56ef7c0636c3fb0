/**
 * Element types that JavaScript has no array for. Four-bit integers lie two to a byte, the first in the low half;
 * bfloat16 is the upper half of a float32 (onnx.proto, TensorProto.raw_data).
 */

/** @param bytes as packed in raw data @param count elements, since the last byte may hold one or two */
export function unpackInt4(bytes: Uint8Array, count: number): Int8Array {
  return new Int8Array(unpackUint4(bytes, count)).map((nibble) => (nibble < 8 ? nibble : nibble - 16));
}

export function unpackUint4(bytes: Uint8Array, count: number): Uint8Array {
  const values = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) {
    const byte = bytes[i >> 1] ?? 0;
    values[i] = i % 2 === 0 ? byte & 15 : byte >> 4;
  }
  return values;
}

/** Packs signed (-8 to 7) or unsigned (0 to 15) values. */
export function pack4Bits(values: Int8Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i += 1) {
    const nibble = (values[i] ?? 0) & 15;
    bytes[i >> 1] = (bytes[i >> 1] ?? 0) | (i % 2 === 0 ? nibble : nibble << 4);
  }
  return bytes;
}

/** @param halves bits of bfloat16 */
export function bfloat16ToFloat32(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves).map((half) => half * 65_536);
  return new Float32Array(words.buffer);
}

/** The bits of the nearest bfloat16, ties to even. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.slice().buffer);
  const halves = new Uint16Array(words.length);
  for (const [i, word] of words.entries()) {
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) / 65_536;
  }
  return halves;
}
