import { type BannedWord, type RuleAction } from '../../src/kernel/snapshot.js';

/** What a filter should let through: slow, and plain enough to be believed. Shares no code with the filter. */
export interface NaiveResult {
  readonly output: string;
  readonly blocked: boolean;
  readonly reported: readonly { readonly ruleId: string; readonly offset: number }[];
}

export function naiveNormalise(text: string): string {
  const visible = text.replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  const folded = visible.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase();
  const dotless = folded.replace(/ς/g, 'σ').replace(/i\u0307/g, 'i');
  return dotless.normalize('NFKC').replace(/[\s\u0085]+/g, ' ');
}

/** Text positions where a new base begins: nothing of what follows belongs to what stands before. */
function borders(text: string): number[] {
  const result: number[] = [];
  let at = 0;
  let open = false;
  for (const character of text) {
    const ignorable = /\p{Default_Ignorable_Code_Point}/u.test(character);
    const joins = /^[\p{M}\u1160-\u11ff]/u.test(character.normalize('NFKD'));
    if (!ignorable && !(joins && open)) {
      result.push(at);
      open = true;
    }
    at += character.length;
  }
  return [...result, text.length];
}

interface Occurrence {
  readonly start: number;
  readonly end: number;
  readonly word: BannedWord;
}

function occurrences(text: string, pattern: string): [number, number][] {
  const found: [number, number][] = [];
  if (pattern === '') return found;
  for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) {
    found.push([at, at + pattern.length]);
  }
  return found;
}

/** All banned words that count, in normalised offsets. */
function guilty(text: string, words: readonly BannedWord[], allow: readonly string[]): Occurrence[] {
  const allowed = allow.flatMap((entry) => occurrences(text, naiveNormalise(entry).trim()));
  return words.flatMap((word) =>
    occurrences(text, naiveNormalise(word.text).trim())
      .filter(([start, end]) => {
        // The last character taken apart: V8 14 does not find one beyond U+FFFF before a `$`.
        const before = Array.from(text.slice(0, start)).at(-1) ?? '';
        const inside = /^[\p{L}\p{N}\p{M}]/u.test(before) || /^[\p{L}\p{N}\p{M}]/u.test(text.slice(end));
        return !(word.word && inside) && !allowed.some(([from, to]) => from <= start && end <= to);
      })
      .map(([start, end]) => ({ start, end, word })),
  );
}

export function naiveFilter(source: string, words: readonly BannedWord[], allow: readonly string[]): NaiveResult {
  const text = naiveNormalise(source);
  const found = guilty(text, words, allow);
  if (found.length === 0) return { output: source, blocked: false, reported: [] };
  const places = borders(source).map((at) => ({ at, length: naiveNormalise(source.slice(0, at)).length }));
  const toSource = (start: number): number => places.filter(({ length }) => length <= start).at(-1)?.at ?? 0;
  const toSourceEnd = (end: number): number => places.find(({ length }) => length >= end)?.at ?? source.length;
  const matches = found
    .map(({ start, end, word }) => ({ start: toSource(start), end: toSourceEnd(end), word }))
    .sort((a, b) => a.start - b.start || Number(b.word.action === 'block') - Number(a.word.action === 'block'));
  let output = '';
  let kept = 0;
  let redactedTo = 0;
  const reported: { ruleId: string; offset: number }[] = [];
  const keep = (to: number): void => {
    const from = Math.max(kept, redactedTo);
    if (to > from) output += source.slice(from, to);
    kept = Math.max(kept, to);
  };
  for (const { start, end, word } of matches) {
    reported.push({ ruleId: word.id, offset: start });
    const action: RuleAction = word.action;
    if (action === 'flag') continue;
    keep(start);
    if (action === 'block') return { output, blocked: true, reported };
    if (start >= redactedTo) output += '***';
    redactedTo = Math.max(redactedTo, end);
  }
  keep(source.length);
  return { output, blocked: false, reported };
}
