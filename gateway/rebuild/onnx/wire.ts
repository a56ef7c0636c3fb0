import { ModelNotOnnxError } from '../errors.ts';
import type { ByteSource } from './bytes.ts';

/** Protobuf's kinds of fields on the wire (https://protobuf.dev/programming-guides/encoding/). */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** One field as it lies in a file: header at `from`, payload from `start` to `end`. */
export interface WireField {
  number: number;
  wire: number;
  /** Of a varint; rounded beyond 2^53. */
  value: number;
  from: number;
  start: number;
  end: number;
}

const MAX_VARINT_BYTES = 10;

/**
 * The fields of the message that lies between two offsets, headers only.
 *
 * @throws {ModelNotOnnxError} for what is no protobuf, or cut off
 */
export function* wireFields(bytes: ByteSource, start: number, end: number): Generator<WireField> {
  for (let from = start; from < end;) {
    const field = wireField(bytes, from, end);
    yield field;
    from = field.end;
  }
}

function wireField(bytes: ByteSource, from: number, end: number): WireField {
  const tag = varintAt(bytes, from, end);
  const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
  const field: WireField = { number, wire, value: 0, from, start: tag.end, end: tag.end };
  if (wire === WIRE.varint || wire === WIRE.bytes) {
    const { value, end: after } = varintAt(bytes, tag.end, end);
    if (wire === WIRE.varint) Object.assign(field, { value, end: after });
    else Object.assign(field, { start: after, end: after + value });
  } else if (wire === WIRE.fixed64) field.end += 8;
  else if (wire === WIRE.fixed32) field.end += 4;
  else throw new ModelNotOnnxError(`the file is not an ONNX model: byte ${from} begins no field`);
  if (number === 0 || field.end > end)
    throw new ModelNotOnnxError(`the file is not an ONNX model, or it is cut off at byte ${from}`);
  return field;
}

function varintAt(bytes: ByteSource, offset: number, end: number): { value: number; end: number } {
  const chunk = bytes.read(offset, Math.max(0, Math.min(MAX_VARINT_BYTES, end - offset)));
  let value = 0;
  for (const [i, byte] of chunk.entries()) {
    value += (byte % 128) * 2 ** (7 * i);
    if (byte < 128) return { value, end: offset + i + 1 };
  }
  throw new ModelNotOnnxError(`the file is not an ONNX model, or it is cut off at byte ${offset}`);
}

/** A header for a field of bytes of that length. */
export function bytesHeader(number: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + WIRE.bytes), ...varint(length)]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
