import { type FileHandle, open } from 'node:fs/promises';
import { MAX_ONNX_FIELDS } from '../constants.ts';
import { ModelUnreadableError } from '../errors.ts';

/** Field numbers of onnx.proto (github.com/onnx/onnx, onnx/onnx.proto). */
const MODEL = { irVersion: 1, graph: 7, opsetImport: 8 };
const GRAPH = { initializer: 5 };
const TENSOR = { dataLocation: 14 };
const EXTERNAL = 1;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

interface Field {
  number: number;
  wire: number;
  /** Of a varint. */
  value: number;
  /** Where the payload lies. */
  start: number;
  end: number;
}

/**
 * Looks at the frame of an ONNX file, not at its meaning: whole protobuf fields up to the last byte, a version, operator
 * sets, a graph, and the weights inside the file. Reads headers only, so a model of any size is checked at once.
 *
 * @throws {ModelUnreadableError}
 */
export async function checkOnnxFile(file: string, name: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    await new OnnxFrame(new WindowReader(handle), name).check(size);
  } finally {
    await handle.close();
  }
}

class OnnxFrame {
  readonly #reader: WindowReader;
  readonly #name: string;
  #fields = 0;

  constructor(reader: WindowReader, name: string) {
    this.#reader = reader;
    this.#name = name;
  }

  async check(size: number): Promise<void> {
    let [versions, opsets] = [0, 0];
    const graphs: Field[] = [];
    for await (const field of this.#walk(0, size)) {
      if (field.number === MODEL.irVersion && field.wire === VARINT && field.value > 0) versions += 1;
      if (field.number === MODEL.opsetImport && field.wire === BYTES) opsets += 1;
      if (field.number === MODEL.graph && field.wire === BYTES) graphs.push(field);
    }
    const [graph] = graphs;
    if (versions !== 1 || opsets === 0 || graphs.length !== 1 || graph === undefined)
      throw this.#refuse('it has not the version, operator sets and graph of an ONNX model');
    for await (const field of this.#walk(graph.start, graph.end))
      if (field.number === GRAPH.initializer && field.wire === BYTES) await this.#checkInside(field);
  }

  async #checkInside(tensor: Field): Promise<void> {
    for await (const field of this.#walk(tensor.start, tensor.end))
      if (field.number === TENSOR.dataLocation && field.value === EXTERNAL)
        throw this.#refuse('its weights lie in another file (external data)');
  }

  async *#walk(start: number, end: number): AsyncGenerator<Field> {
    for (let offset = start; offset < end;) {
      this.#fields += 1;
      if (this.#fields > MAX_ONNX_FIELDS) throw this.#refuse('it has too many fields');
      const field = await this.#field(offset, end);
      yield field;
      offset = field.end;
    }
  }

  async #field(offset: number, end: number): Promise<Field> {
    const [tag, afterTag] = await this.#varint(offset, end);
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    let field: Field = { number, wire, value: 0, start: afterTag, end: afterTag };
    if (wire === VARINT) {
      const [value, after] = await this.#varint(afterTag, end);
      field = { ...field, value, end: after };
    } else if (wire === BYTES) {
      const [length, after] = await this.#varint(afterTag, end);
      field = { ...field, start: after, end: after + length };
    } else if (wire === FIXED64) field.end += 8;
    else if (wire === FIXED32) field.end += 4;
    else throw this.#refuse(`byte ${offset} begins no protobuf field`);
    if (number === 0 || field.end > end) throw this.#refuse(`the field at byte ${offset} is cut off`);
    return field;
  }

  /** Protobuf's variable-length numbers; what is beyond 2^53 is only skipped, never used. */
  async #varint(offset: number, end: number): Promise<[value: number, after: number]> {
    let value = 0;
    for (let i = 0; i < 10 && offset + i < end; i += 1) {
      const byte = await this.#reader.byteAt(offset + i);
      value += (byte % 128) * 2 ** (7 * i);
      if (byte < 128) return [value, offset + i + 1];
    }
    throw this.#refuse(`the number at byte ${offset} has no end`);
  }

  #refuse(why: string): Error {
    return new ModelUnreadableError(`${this.#name} is not a whole ONNX file: ${why}`);
  }
}

const WINDOW_BYTES = 64 * 1024;

/** Single bytes of a file, by windows: headers lie close together, or very far apart. */
class WindowReader {
  readonly #handle: FileHandle;
  readonly #window = Buffer.alloc(WINDOW_BYTES);
  #start = 0;
  #length = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async byteAt(offset: number): Promise<number> {
    if (offset < this.#start || offset >= this.#start + this.#length) {
      const { bytesRead } = await this.#handle.read(this.#window, 0, WINDOW_BYTES, offset);
      this.#start = offset;
      this.#length = bytesRead;
    }
    const byte = this.#window[offset - this.#start];
    if (byte === undefined || offset >= this.#start + this.#length)
      throw new ModelUnreadableError('the file became shorter while it was read');
    return byte;
  }
}
