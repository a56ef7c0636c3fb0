/** The names most like a wanted one, by edit distance, best first: for hints about typing errors. */
export function nearestNames(wanted: string, names: readonly string[], count = 3): string[] {
  const limit = Math.max(2, Math.floor(wanted.length / 2));
  return [...new Set(names)]
    .map((name) => ({ name, distance: editDistance(wanted, name) - (name.includes(wanted) ? limit : 0) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}

/** Insertions, deletions and substitutions that make one string the other (Levenshtein 1966, two rows). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
