import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PiiSettings } from '../kernel/snapshot.js';
import { type Rule } from './rule.js';
import { buildRules } from './rules.js';
import { StreamFilter } from './stream-filter.js';

async function pii(settings: Partial<PiiSettings> = {}): Promise<readonly Rule[]> {
  const all: PiiSettings = { enabled: true, kinds: ['email', 'card', 'iban'], action: 'redact', ...settings };
  return buildRules({ words: [], allow: [], pii: all });
}

function run(rules: readonly Rule[], pieces: readonly string[]): string {
  const filter = new StreamFilter(rules, () => undefined);
  return pieces.map((piece) => filter.push(piece)).join('') + filter.finish();
}

const FOUND: readonly (readonly [string, string])[] = [
  ['mail ada.l+x@example.co.uk, now', 'mail ***, now'],
  ['ＡＤＡ@Example.COM', '***'],
  ['(a@b.de)', '(***)'],
  ['write a@b.de.', 'write ***.'],
  ['pay 4111 1111 1111 1111 today', 'pay *** today'],
  ['5500-0055-5555-5559', '***'],
  ['card:378282246310005', 'card:***'],
  ['7 4111 1111 1111 1111', '7 ***'],
  ['to DE89 3704 0044 0532 0130 00 please', 'to *** please'],
  ['GB82WEST12345698765432', '***'],
  ['no12 NO93 8601 1117 947, ok', 'no12 ***, ok'],
];

const INNOCENT = [
  'a@b, @home, user@localhost, x@y.1',
  '4111 1111 1111 1112',
  '1234567890123456789012345',
  'order 20240101 12345',
  'DE89 3704 0044 0532 0130 02',
  'XX89 3704 0044 0532 0130 00',
  'the year 2024 and 3.14',
];

describe('the rule for personal data', () => {
  it.each(FOUND)('redacts %s', async (text, expected) => {
    const rules = await pii();
    expect(run(rules, [text])).toBe(expected);
    expect(run(rules, Array.from(text))).toBe(expected);
  });

  it.each(INNOCENT)('leaves alone what fails the checks: %s', async (text) => {
    expect(run(await pii(), Array.from(text))).toBe(text);
  });

  it('does the same for every split', async () => {
    const rules = await pii();
    const word = fc.oneof(
      fc.constantFrom(...FOUND.map(([text]) => text), ...INNOCENT),
      fc.string({ unit: fc.constantFrom('a', '@', '.', '-', '1', ' ', '4', 'D', 'E', '8'), maxLength: 20 }),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), sizes, (words, steps) => {
        const text = words.join(' ');
        const pieces: string[] = [];
        for (let at = 0, step = 0; at < text.length; step++) {
          pieces.push(text.slice(at, (at += steps[step % steps.length] ?? 1)));
        }
        expect(run(rules, pieces)).toBe(run(rules, [text]));
      }),
    );
  });

  it.each(['a', '1', '1 ', 'a.', 'de12 '])('holds a bounded piece of an endless text of %j', async (unit) => {
    const filter = new StreamFilter(await pii(), () => undefined);
    for (let round = 0; round < 2000; round++) {
      filter.push(unit);
      expect(filter.held).toBeLessThan(400);
    }
  });

  it('looks only for what is asked, and is off by default', async () => {
    expect(run(await pii({ kinds: ['card'] }), ['a@b.de'])).toBe('a@b.de');
    expect(await pii({ enabled: false })).toEqual([]);
  });
});
