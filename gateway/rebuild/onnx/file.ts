import { ModelBrokenError } from '../errors.ts';
import { type ByteSource, memoryBytes, withFile } from './bytes.ts';
import { rawByteLength } from './element-types.ts';
import { DATA_LOCATION, externalValues, isExternal, keepsOutside } from './external.ts';
import { makeEntry, makeTensor } from './make.ts';
import { decodeUnchecked, encodeModel, encodeTensor } from './model.ts';
import { append, type Pieces, rewriteTensors } from './rewrite.ts';
import { shapeCount } from './shape.ts';
import { DATA_TYPE, type ModelProto, type TensorProto } from './types.ts';
import { allTensors } from './walk.ts';
import { bytesHeader, WIRE, type WireField } from './wire.ts';

/** Values that take more than this stay where they are until they are asked for. */
const LARGE_BYTES = 4096;
/** Field numbers of TensorProto. */
const FIELD = { floats: 4, raw: 9, doubles: 10, external: 13, location: 14 } as const;
/** Every field that values may stand in, and those whose encoding is the values in little-endian order, one by one. */
const VALUE_FIELDS: readonly number[] = [4, 5, 6, 7, 9, 10, 11];
const IN_ONE_PIECE: readonly number[] = [FIELD.floats, FIELD.raw, FIELD.doubles];
/** The element types that the typed fields are for. */
const FIELD_TYPES: Record<number, readonly number[]> = {
  [FIELD.floats]: [DATA_TYPE.float32, DATA_TYPE.complex64],
  [FIELD.doubles]: [DATA_TYPE.float64, DATA_TYPE.complex128],
};
/** Marks a tensor whose values are not here, by a number. No tensor of a file has it: `open` sees to that. */
const AWAY = 'floormesh.away';

interface Values {
  length: number;
  read: () => Uint8Array;
}

/**
 * A model whose large tensors are not in memory: each is read when it is asked for, and new ones are made when they are
 * written. So a model of any size is worked on with memory for its graph and for one tensor at a time.
 */
export class ModelFile {
  /** The model. Tensors that `isAway` have name, type and shape but no values; all else is as `decodeModel` has it. */
  readonly model: ModelProto;
  /** Whether some of its values lay in other files. */
  readonly hadExternal: boolean;
  readonly #away: Values[];

  private constructor(model: ModelProto, away: Values[], hadExternal: boolean) {
    this.model = model;
    this.#away = away;
    this.hadExternal = hadExternal;
  }

  /**
   * Opens a model by its path, or one that is in memory.
   *
   * @param options.external whether values in other files of the model's folder are taken in: only where that folder is
   * the model's own
   * @throws {ModelNotOnnxError} @throws {ModelBrokenError} when a large tensor has not the size that its shape says
   * @throws {ModelExternalDataError} when it keeps values in other files, and may not, or not in its folder
   */
  static open(source: string | Uint8Array, { external = false } = {}): ModelFile {
    const away: Values[] = [];
    const mark = `${AWAY}.${crypto.randomUUID()}`;
    const collect = (bytes: ByteSource): Pieces =>
      rewriteTensors(bytes, {
        within: (start, end) => end - start > LARGE_BYTES,
        tensor: (fields) => withoutValues(bytes, fields, { source, away, mark, external }),
      });
    const { pieces } = typeof source === 'string' ? withFile(source, collect) : collect(memoryBytes(source));
    const model = decodeUnchecked(Buffer.concat(pieces.filter((piece) => piece instanceof Uint8Array)));
    const inside = away.length;
    for (const { tensor, where } of allTensors(model))
      settle(tensor, where, { source, away, mark, external });
    return new ModelFile(model, away, away.length > inside);
  }

  isAway(tensor: TensorProto): boolean {
    return awayNumber(tensor) !== undefined;
  }

  /** The tensor with its values. Not kept: dropping it frees the memory. @throws what reading or making throws */
  load(tensor: TensorProto): TensorProto {
    const number = awayNumber(tensor);
    if (number === undefined) return tensor;
    return { ...tensor, dataLocation: DATA_LOCATION.inside, externalData: [], rawData: this.#read(number) };
  }

  /** A tensor whose values are made each time that they are asked for, `bytes` of them as raw data. */
  later(fields: { name: string; dims: bigint[]; dataType: number }, make: () => Uint8Array): TensorProto {
    const length = rawByteLength(fields.dataType, shapeCount(fields.dims)) ?? 0;
    this.#away.push({ length, read: make });
    return makeTensor({ ...fields, ...markedAs(AWAY, this.#away.length - 1) });
  }

  /** The whole model as one file would have it: pieces in order, those to come with the number to `read` them by. */
  encode(): Pieces {
    const encoded = Buffer.from(encodeModel(this.model));
    const marks = positionsOf(encoded, AWAY);
    return rewriteTensors(memoryBytes(encoded), {
      within: (start, end) => hasBetween(marks, start, end),
      tensor: (fields) => this.#withValues(encoded, fields),
    });
  }

  /** A piece's bytes. */
  read(piece: Pieces['pieces'][number]): Uint8Array {
    return piece instanceof Uint8Array ? piece : this.#read(piece.coming);
  }

  #read(number: number): Uint8Array {
    const values = this.#away[number];
    const bytes = values?.read();
    if (bytes === undefined || bytes.byteLength !== values?.length)
      throw new TypeError('a tensor was made with another size than it was given');
    return bytes;
  }

  #withValues(encoded: Buffer, fields: readonly WireField[]): Pieces | undefined {
    const marker = fields.find(
      (field) => field.number === FIELD.external && encoded.subarray(field.start, field.end).includes(AWAY),
    );
    if (marker === undefined) return undefined;
    const digits = /(\d+)$/.exec(encoded.toString('latin1', marker.start, marker.end));
    const coming = Number(digits?.[1]);
    const length = this.#away[coming]?.length ?? 0;
    const out: Pieces = { pieces: [], length: 0 };
    const kept = fields.filter(({ number }) => number !== FIELD.external && number !== FIELD.location);
    for (const { from, end } of kept.filter(({ number }) => number < FIELD.raw))
      append(out, encoded.subarray(from, end));
    append(out, bytesHeader(FIELD.raw, length));
    append(out, { coming, length });
    for (const { from, end } of kept.filter(({ number }) => number > FIELD.raw))
      append(out, encoded.subarray(from, end));
    return out;
  }
}

interface Opening {
  source: string | Uint8Array;
  away: Values[];
  mark: string;
  external: boolean;
}

/** A large tensor's fields without its values, which are noted; undefined when they do not lie in one piece. */
function withoutValues(
  bytes: ByteSource,
  fields: readonly WireField[],
  { source, away, mark }: Opening,
): Pieces | undefined {
  const [values, ...others] = fields.filter(({ number }) => VALUE_FIELDS.includes(number));
  if (values === undefined || others.length > 0 || values.wire !== WIRE.bytes) return undefined;
  const [offset, length] = [values.start, values.end - values.start];
  if (!IN_ONE_PIECE.includes(values.number) || length <= LARGE_BYTES) return undefined;
  away.push({
    length,
    read: () =>
      typeof source === 'string'
        ? withFile(source, (file) => file.read(offset, length))
        : source.subarray(offset, offset + length),
  });
  const out: Pieces = { pieces: [], length: 0 };
  for (const { from, end } of fields)
    if (from !== values.from) append(out, bytes.read(from, end - from).slice());
  const marker = makeTensor(markedAs(`${mark}.${values.number}`, away.length - 1));
  append(out, encodeTensor(marker));
  return out;
}

/** Gives a tensor whose values are not in the model its final mark, when they are where and as many as they should be. */
function settle(tensor: TensorProto, where: string, { source, away, mark, external }: Opening): void {
  if (!isExternal(tensor)) return;
  const length = rawByteLength(tensor.dataType, shapeCount(tensor.dims, where));
  if (length === undefined)
    throw new ModelBrokenError(`${where} has the element type ${tensor.dataType} and large values`);
  const own = tensor.externalData.find(({ key }) => key.startsWith(mark));
  if (own !== undefined) {
    const field = Number(own.key.slice(mark.length + 1));
    const fits = tensor.externalData.length === 1 && (FIELD_TYPES[field]?.includes(tensor.dataType) ?? true);
    if (!fits || away[Number(own.value)]?.length !== length)
      throw new ModelBrokenError(`${where} does not hold what its type and shape say`);
    Object.assign(tensor, markedAs(AWAY, Number(own.value)));
    return;
  }
  if (tensor.rawData.byteLength > 0)
    throw new ModelBrokenError(`${where} has its values inside and in another file`);
  if (typeof source !== 'string' || !external) throw keepsOutside(tensor, where);
  const { path, offset } = externalValues(source, tensor, length);
  away.push({ length, read: () => withFile(path, (file) => file.read(offset, length)) });
  Object.assign(tensor, markedAs(AWAY, away.length - 1));
}

function markedAs(key: string, number: number): Pick<TensorProto, 'dataLocation' | 'externalData'> {
  return { dataLocation: DATA_LOCATION.external, externalData: [makeEntry(key, String(number))] };
}

function awayNumber({ externalData }: TensorProto): number | undefined {
  const [entry] = externalData;
  return entry?.key === AWAY ? Number(entry.value) : undefined;
}

function positionsOf(bytes: Buffer, text: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) found.push(at);
  return found;
}

/** Whether one of the ascending numbers is at least `start` and less than `end` (binary search). */
function hasBetween(sorted: readonly number[], start: number, end: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  return (sorted[low] ?? Number.POSITIVE_INFINITY) < end;
}
