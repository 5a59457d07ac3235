import { compileAutomaton } from '../../src/guardrails/aho-corasick.js';
import { StreamFilter } from '../../src/guardrails/stream-filter.js';
import { WordRule } from '../../src/guardrails/word-matcher.js';
import { type BannedWord, type RuleAction } from '../../src/kernel/snapshot.js';
import { naiveFilter, naiveNormalise } from './naive-filter.js';

/** Everything that Unicode has to trip over; halves of surrogate pairs are in it too. */
const CHARACTERS =
  'a b e i s k A B S K . 1 é É Ａ ｓ ß ẞ ﬁ ﬃ ı İ ς Σ ſ K 가 ᄀ ᅡ ᆨ ｶ ﾞ ά ͅ ¨ ﷺ ำ \u0301 \u0307 \u0323 \u0331 \u200b \u00ad \ufe0f \u202e \u00a0 \u3000 😀 𝐚 𐐀 𐐨 \ud83d \ude00'
    .split(' ')
    .concat([' ', '\n', '\t', '\u115f', '\u{e0061}', '\u{1d165}']);

/** Half a surrogate pair: no word has one. */
const HALF = /\p{Cs}/u;
/** Begins in the marks of whatever stands before it. Nothing of it leaks, but where a second space carries the marks, that space has left. */
const MARKS_FIRST = /^[\p{M}\u1160-\u11ff]|[\u03b9\u0e32]/u;
const ACTIONS: readonly RuleAction[] = ['block', 'redact', 'flag'];

/** mulberry32 (Tommy Ettinger, public domain): small, seeded, good enough to pick cases. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Compares the filter with the naive one on random words, texts and splits; @throws Error on the first difference. */
export function fuzzFilter(cases: number, seed: number): { cases: number; matched: number } {
  const random = generator(seed);
  let matched = 0;
  for (let done = 0; done < cases;) {
    // A small alphabet makes matches, near misses and overlaps frequent.
    const alphabet = Array.from({ length: 2 + random(6) }, () => CHARACTERS[random(CHARACTERS.length)] ?? 'a');
    const spaced = alphabet.some((character) => naiveNormalise(character).startsWith(' '));
    const usable = (word: string): boolean =>
      !HALF.test(word) && !(spaced && MARKS_FIRST.test(naiveNormalise(word).trim()));
    const text = (length: number): string =>
      Array.from({ length }, () => alphabet[random(alphabet.length)] ?? 'a').join('');
    const words = Array.from({ length: 1 + random(4) }, (_, index): BannedWord => {
      return {
        text: text(1 + random(5)),
        word: random(2) === 0,
        action: ACTIONS[random(3)] ?? 'block',
        id: `w${index}`,
      };
    }).filter((word) => usable(word.text));
    const allow = Array.from({ length: random(3) }, () => text(2 + random(6))).filter(usable);
    const rule = new WordRule(compileAutomaton([...words.map((word) => word.text), ...allow]), words);
    // Several texts per word list: building the automaton costs more than a short text.
    for (let round = 0; round < 20 && done < cases; round++, done++) {
      const source = text(random(30));
      const pieces = split(source, random);
      const expected = naiveFilter(source, words, allow);
      const reported: { ruleId: string; offset: number }[] = [];
      const filter = new StreamFilter([rule], ({ ruleId, start }) => void reported.push({ ruleId, offset: start }));
      const output = pieces.map((piece) => filter.push(piece)).join('') + filter.finish();
      if (expected.reported.length > 0) matched++;
      const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
      const ids = (hits: typeof reported): string[] => hits.map(({ ruleId, offset }) => `${offset} ${ruleId}`).sort();
      // Of rules that match at the same place the order is not promised: a blocking one ends the list.
      const reports = expected.blocked || same(ids(reported), ids([...expected.reported]));
      if (output !== expected.output || filter.blocked !== expected.blocked || !reports) {
        throw new Error(JSON.stringify({ words, allow, pieces, output, blocked: filter.blocked, reported, expected }));
      }
    }
  }
  return { cases, matched };
}

function split(text: string, random: (below: number) => number): string[] {
  const pieces: string[] = [];
  const longest = 1 + random(8);
  for (let at = 0; at < text.length;) {
    const size = 1 + random(longest);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}
