/**
 * A table of a FlatBuffer (https://flatbuffers.dev/internals/): its first word says how far back its vtable lies, which
 * holds where each field is.
 */
export class Table {
  readonly #view: DataView;
  readonly position: number;

  constructor(view: DataView, position: number) {
    this.#view = view;
    this.position = position;
  }

  /** The table that a buffer is about. */
  static root(view: DataView): Table {
    return new Table(view, view.getUint32(0, true));
  }

  get vtable(): number {
    return this.position - this.#view.getInt32(this.position, true);
  }

  /** The table that a field refers to. */
  table(field: number): Table | undefined {
    const at = this.#target(field);
    return at === undefined ? undefined : new Table(this.#view, at);
  }

  tables(field: number): Table[] {
    const at = this.#target(field);
    const count = at === undefined ? 0 : this.#view.getUint32(at, true);
    return Array.from({ length: count }, (_, i) => {
      const entry = (at ?? 0) + 4 + 4 * i;
      return new Table(this.#view, entry + this.#view.getUint32(entry, true));
    });
  }

  /** Empty where there is none. */
  text(field: number): string {
    const at = this.#target(field);
    if (at === undefined) return '';
    const { buffer, byteOffset } = this.#view;
    const bytes = new Uint8Array(buffer, byteOffset + at + 4, this.#view.getUint32(at, true));
    return new TextDecoder().decode(bytes);
  }

  byte(field: number): number {
    const at = this.#at(field);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  word(field: number): number {
    const at = this.#at(field);
    return at === undefined ? 0 : this.#view.getUint32(at, true);
  }

  /** Where an offset field points to. */
  #target(field: number): number | undefined {
    const at = this.#at(field);
    return at === undefined ? undefined : at + this.#view.getUint32(at, true);
  }

  /** Where a field's value is. A field that has its default value is not written at all. */
  #at(field: number): number | undefined {
    const slot = 4 + 2 * field;
    if (slot >= this.#view.getUint16(this.vtable, true)) return undefined;
    const offset = this.#view.getUint16(this.vtable + slot, true);
    return offset === 0 ? undefined : this.position + offset;
  }
}
