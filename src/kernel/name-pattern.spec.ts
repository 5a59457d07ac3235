import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesAny } from './name-pattern.js';

describe('matchesAny', () => {
  it.each([
    [['*'], 'anything', true],
    [['*'], '', true],
    [[], 'anything', false],
    [['gpt-4o'], 'gpt-4o', true],
    [['gpt-4o'], 'gpt-4o-mini', false],
    [['gpt-*'], 'gpt-', true],
    [['gpt-*'], 'my-gpt-4o', false],
    [['*-mini'], 'gpt-4o-mini', true],
    [['a*a'], 'a', false],
    [['a*a'], 'aa', true],
    [['a*b*c'], 'a-b-b-c', true],
    [['a*b*c'], 'acb', false],
    [['a**b'], 'ab', true],
    [['*b*'], 'abc', true],
    [['a.c'], 'abc', false],
    [['[ab]'], 'a', false],
    [['x', 'gpt-*', 'y'], 'y', true],
  ])('%j on %j: %s', (globs, name, expected) => {
    expect(matchesAny(globs, name)).toBe(expected);
  });

  it('agrees with the regular expression that a glob stands for', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }), (glob, name) => {
        expect(matchesAny([glob], name)).toBe(new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(name));
      }),
    );
  });
});
