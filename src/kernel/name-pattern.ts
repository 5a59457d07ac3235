const compiled = new WeakMap<readonly string[], (name: string) => boolean>();

/**
 * Whether a name fits one of the globs; `*` stands for any text, everything else for itself.
 * Compiled once per list, which must not change afterwards.
 */
export function matchesAny(globs: readonly string[], name: string): boolean {
  let matches = compiled.get(globs);
  if (!matches) {
    matches = compile(globs);
    compiled.set(globs, matches);
  }
  return matches(name);
}

function compile(globs: readonly string[]): (name: string) => boolean {
  if (globs.includes('*')) return () => true;
  const exact = new Set(globs.filter((glob) => !glob.includes('*')));
  const parts = globs.filter((glob) => glob.includes('*')).map((glob) => glob.split('*'));
  return (name) => exact.has(name) || parts.some((pieces) => fits(pieces, name));
}

/** Leftmost match of each piece in turn: linear, where a regular expression could backtrack. */
function fits(pieces: readonly string[], name: string): boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= name.length - last.length;
}
