import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzFilter } from '../../test/fuzz/filter-fuzz.js';
import { naiveNormalise } from '../../test/fuzz/naive-filter.js';
import { type BannedWord, type RuleAction } from '../kernel/snapshot.js';
import { compileAutomaton } from './aho-corasick.js';
import { normalise, Normaliser } from './normaliser.js';
import { StreamFilter } from './stream-filter.js';
import { WordRule } from './word-matcher.js';

type Ban = Partial<BannedWord> & { readonly text: string };

function rule(bans: readonly (string | Ban)[], allow: readonly string[] = []): WordRule {
  const words = bans.map((ban, index): BannedWord => {
    return { word: false, action: 'block', id: `w${index}`, ...(typeof ban === 'string' ? { text: ban } : ban) };
  });
  return new WordRule(compileAutomaton([...words.map((word) => word.text), ...allow]), words);
}

function run(words: WordRule, pieces: readonly string[]): { out: string; blocked: boolean; hits: string[] } {
  const hits: string[] = [];
  const filter = new StreamFilter([words], ({ ruleId, start }) => void hits.push(`${ruleId}@${start}`));
  const out = pieces.map((piece) => filter.push(piece)).join('') + filter.finish();
  return { out, blocked: filter.blocked, hits };
}

/** A text cut into pieces anywhere, surrogate pairs included. */
function split(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => text.slice(from, places[index] ?? text.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });
const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 60 }));

describe('StreamFilter', () => {
  it('agrees with a naive filter on 50,000 random words, texts and splits', () => {
    const { cases, matched } = fuzzFilter(50_000, 42);
    expect(cases).toBe(50_000);
    expect(matched).toBeGreaterThan(10_000);
  });

  it('passes text without a banned word byte for byte, for every split', () => {
    const words = rule(['forbidden', 'é', { text: 'ass', word: true }, 'straße', '가각']);
    fc.assert(
      fc.property(anyText, cuts, (text, places) => {
        fc.pre(!/forbidden|é|ass|strasse|가각/.test(naiveNormalise(text)));
        expect(run(words, split(text, places))).toEqual({ out: text, blocked: false, hits: [] });
      }),
    );
  });

  it.each<RuleAction>(['block', 'redact'])('never lets a banned word out, for every split: %s', (action) => {
    const written = ['forbidden', 'ＦＯＲＢＩＤＤＥＮ', 'for\u200bbid\u00adden', 'forbıdden', 'f\u202eorbidde\ufe0fn'];
    const words = rule([{ text: 'forbidden', action }]);
    fc.assert(
      fc.property(anyText, fc.constantFrom(...written), anyText, cuts, (left, word, right, places) => {
        const { out, blocked } = run(words, split(`${left}${word}. ${right}`, places));
        expect(naiveNormalise(out)).not.toContain('forbidden');
        expect(blocked).toBe(action === 'block');
      }),
    );
  });

  it('holds back exactly what may be the beginning of a word', () => {
    const filter = new StreamFilter([rule(['forbidden'])], () => undefined);
    expect(filter.push('this is for')).toBe('this is ');
    expect(filter.held).toBe(3);
    expect(filter.push('b')).toBe('');
    expect(filter.push('y f')).toBe('forby ');
    expect(filter.push('ree')).toBe('free');
    expect(filter.held).toBe(0);
  });

  it('returns the very piece where nothing is held', () => {
    const filter = new StreamFilter([rule(['forbidden'])], () => undefined);
    const pieces = ['Hello', ' world', ' — ', 'schön', '🎉'];
    expect(pieces.map((piece) => filter.push(piece))).toEqual(pieces);
  });

  it('delivers a text that always ends in a prefix, holding at most a word less one', () => {
    const filter = new StreamFilter([rule(['forbidden'])], () => undefined);
    let out = '';
    for (const character of 'forbidde forbidde '.repeat(50)) {
      out += filter.push(character);
      expect(filter.held).toBeLessThanOrEqual('forbidden'.length - 1);
    }
    expect(out + filter.finish()).toBe('forbidde forbidde '.repeat(50));
  });

  it('finds a whole word only between boundaries, also at the end of the stream', () => {
    const words = rule([{ text: 'ass', word: true }]);
    const outcome = (text: string): boolean => run(words, Array.from(text)).blocked;
    expect(['class', 'assay', 'ass1', '1ass', 'ass\u0301', 'cl\u200bass'].map(outcome)).not.toContain(true);
    expect(['ass', 'ass.', 'an ass ', '(ASS)', 'a\u200bss', '\u{1f434}ass'].map(outcome)).not.toContain(false);
  });

  it('acquits a word inside an allowed text, and only there', () => {
    const words = rule(['ass'], ['classic', 'assess']);
    for (const pieces of [['classic'], Array.from('a classic assessment'), ['clas', 'sics']]) {
      expect(run(words, pieces)).toEqual({ out: pieces.join(''), blocked: false, hits: [] });
    }
    expect(run(words, Array.from('a class'))).toEqual({ out: 'a cl', blocked: true, hits: ['w0@4'] });
    expect(run(words, Array.from('classic ass'))).toMatchObject({ out: 'classic ', blocked: true });
  });

  it('redacts and goes on; what overlaps gets one mark', () => {
    const words = rule([
      { text: 'abc', action: 'redact' },
      { text: 'cde', action: 'redact' },
    ]);
    expect(run(words, Array.from('x abcde y abc z'))).toEqual({
      out: 'x *** y *** z',
      blocked: false,
      hits: ['w0@2', 'w1@4', 'w0@10'],
    });
  });

  it('only reports what a rule flags', () => {
    const words = rule([{ text: 'trial', action: 'flag' }]);
    expect(run(words, ['a tri', 'al run'])).toEqual({ out: 'a trial run', blocked: false, hits: ['w0@2'] });
  });

  it('lets nothing out after a block', () => {
    const filter = new StreamFilter([rule(['bad'])], () => undefined);
    expect(filter.push('so bad ')).toBe('so ');
    expect(filter.blocked).toBe(true);
    expect(filter.push('more') + filter.finish()).toBe('');
  });

  it('takes an entry that looks like a regular expression literally', () => {
    const words = rule(['(a+)+$']);
    expect(run(words, ['a'.repeat(100_000)]).blocked).toBe(false);
    expect(run(words, ['say (A+)', '+$ now'])).toMatchObject({ out: 'say ', blocked: true });
  });

  it('ignores an entry of which nothing is left', () => {
    expect(run(rule(['\u200b', ' ']), ['a b \u200b']).blocked).toBe(false);
  });
});

describe('the normalisation', () => {
  it.each([
    ['full width', 'ＦＯＯ', 'foo'],
    ['ligature', 'ﬁne', 'fine'],
    ['zero-width space', 'fo\u200bo', 'foo'],
    ['soft hyphen', 'fo\u00ado', 'foo'],
    ['variation selector', 'o\ufe0fk', 'ok'],
    ['bidi control', 'a\u202eb\u2066c', 'abc'],
    ['combining mark', 'e\u0301', 'é'],
    ['mark behind an invisible character', 'e\u200b\u0301', 'é'],
    ['mixed case', 'FoO', 'foo'],
    ['dotless i', 'ı', 'i'],
    ['dotted capital I', 'İ', 'i'],
    ['sharp s', 'Straße', 'strasse'],
    ['capital sharp s', 'STRAẞE', 'strasse'],
    ['final sigma', 'ΟΔΟΣ ς', 'οδοσ σ'],
    ['white space', 'a \t\n\u00a0\u3000b', 'a b'],
    ['mathematical letters', '𝐟𝐨𝐨', 'foo'],
    ['half-width kana', 'ｶﾞ', 'ガ'],
    ['Hangul letters', '\u1112\u1161\u11ab', '한'],
  ])('%s', (_name, written, expected) => {
    expect(normalise(written)).toBe(expected);
  });

  it('is the same piece by piece as at once', () => {
    fc.assert(
      fc.property(anyText, cuts, (text, places) => {
        const normaliser = new Normaliser();
        for (const piece of split(text, places)) normaliser.push(piece);
        normaliser.finish();
        const units = Array.from(normaliser.text.units.subarray(0, normaliser.text.end));
        expect(String.fromCharCode(...units)).toBe(naiveNormalise(text));
      }),
      { numRuns: 1000 },
    );
  });
});
