/** A table as it is to be written: its fields by number. */
export interface Fields {
  readonly [field: number]: Field;
}

/** `kept`: a place in the part of the file that is kept. */
export type Field =
  { word: number } | { text: string } | { tables: readonly Fields[] } | { table: Fields } | { kept: number };

/**
 * Writes the first part of a FlatBuffer from front to back, in words of 32 bits: everything refers to what comes after
 * it, and the last of it to the part that is kept behind.
 */
export class FrontWriter {
  readonly #words: number[] = [];
  readonly #vtables = new Map<string, number>();
  readonly #keptReferences: { reference: number; place: number }[] = [];

  /** Adds a word; where it is. */
  word(value: number): number {
    this.#words.push(value);
    return this.#length - 4;
  }

  /** Lets the word at `reference` say how far after itself `target` is. */
  link(reference: number, target: number): void {
    this.#words[reference / 4] = target - reference;
  }

  /** Adds a table and all that it refers to; where it is. */
  table(fields: Fields): number {
    const entries = Object.entries(fields).map(([field, value]) => ({
      field: Number(field),
      value: value as Field,
    }));
    const vtable = this.#vtable(entries.map(({ field }) => field));
    const table = this.word(this.#length - vtable);
    const references = entries.map(({ value }) => this.word('word' in value ? value.word : 0));
    entries.forEach(({ value }, i) => this.#refer(references[i] ?? 0, value));
    return table;
  }

  /** What was written, zeros up to the alignment of the kept part, which begins at `start` in its file. */
  bytes(start: number, alignment: number): Uint8Array {
    while ((start - this.#length) % alignment !== 0) this.word(0);
    const moved = this.#length - start;
    for (const { reference, place } of this.#keptReferences) this.link(reference, place + moved);
    const bytes = new Uint8Array(this.#length);
    const view = new DataView(bytes.buffer);
    this.#words.forEach((word, i) => view.setUint32(i * 4, word, true));
    return bytes;
  }

  get #length(): number {
    return this.#words.length * 4;
  }

  #refer(reference: number, value: Field): void {
    if ('kept' in value) this.#keptReferences.push({ reference, place: value.kept });
    else if ('table' in value) this.link(reference, this.table(value.table));
    else if ('text' in value) this.link(reference, this.#text(value.text));
    else if ('tables' in value) {
      this.link(reference, this.word(value.tables.length));
      const places = value.tables.map(() => this.word(0));
      value.tables.forEach((fields, i) => this.link(places[i] ?? 0, this.table(fields)));
    }
  }

  /** A text is its length, its bytes, and zeros to the next word, one at least. */
  #text(value: string): number {
    const bytes = new TextEncoder().encode(value);
    const at = this.word(bytes.length);
    const padded = new Uint8Array((Math.floor(bytes.length / 4) + 1) * 4);
    padded.set(bytes);
    const view = new DataView(padded.buffer);
    for (let i = 0; i < padded.length; i += 4) this.word(view.getUint32(i, true));
    return at;
  }

  /** Two bytes each: the vtable's own length, the table's, then where each field is, from the table's start. */
  #vtable(fields: readonly number[]): number {
    const key = fields.join();
    const known = this.#vtables.get(key);
    if (known !== undefined) return known;
    const count = Math.max(...fields) + 1;
    const halves = [4 + 2 * count, 4 + 4 * fields.length, ...Array<number>(count).fill(0)];
    fields.forEach((field, i) => (halves[2 + field] = 4 + 4 * i));
    const at = this.#length;
    for (let i = 0; i < halves.length; i += 2) this.word((halves[i] ?? 0) | ((halves[i + 1] ?? 0) << 16));
    this.#vtables.set(key, at);
    return at;
  }
}
