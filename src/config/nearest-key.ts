/** Edits (insert, delete, replace) that turn `a` into `b`: Wagner and Fischer, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const plain = (key: string): string => key.toLowerCase().replaceAll(/[-_]/g, '');

/** The known key that was probably meant (case, `-` and `_` do not count), or undefined where none is near. */
export function nearestKey(found: string, known: readonly string[]): string | undefined {
  const wanted = plain(found.slice(0, 64));
  let best: string | undefined;
  // Two edits are a slip in a word and a different word in an abbreviation.
  let bestDistance = (wanted.length < 4 ? 1 : Math.max(2, Math.floor(wanted.length / 3))) + 1;
  for (const key of known) {
    const distance = editDistance(wanted, plain(key));
    if (distance < bestDistance) [best, bestDistance] = [key, distance];
  }
  return best;
}
