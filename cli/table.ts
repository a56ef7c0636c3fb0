// Terminals act on control characters, and some reorder text by these: what a node says must not.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside, made safe for a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => (char === '\n' || char === '\t' ? ' ' : '\u00b7'));
}

/** Lines of an aligned table with its head; columns that `right` names by their head are aligned to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const lines = [head, ...rows.map((row) => row.map((cell) => (cell === '' ? '-' : printable(cell))))];
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const render = (line: readonly string[]): string =>
    line
      .map((cell, i) => {
        const width = widths[i] ?? 0;
        return right.includes(head[i] ?? '') ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return lines.map((line) => `${render(line)}\n`).join('');
}

/** Names and values of one thing, aligned. What has no value is left out. */
export function facts(values: Record<string, string | undefined>): string {
  const known = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...known.map(([name]) => name.length));
  return known.map(([name, value = '']) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}
