import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KeyDigester } from './key-digest.js';

const hmac = (pepper: string, key: string): string =>
  `hmac-sha256:${createHmac('sha256', pepper).update(key).digest('hex')}`;

describe('KeyDigester', () => {
  it.each([
    ['a short pepper', 'pepper'],
    ['a pepper of one block', 'p'.repeat(64)],
    ['a pepper longer than a block', 'p'.repeat(65)],
    ['a pepper beyond ASCII', 'påfyll'],
    ['an empty pepper', ''],
  ])('gives the HMAC of RFC 2104 for keys of every length with %s', (_name, pepper) => {
    const digester = new KeyDigester(pepper);
    for (let length = 0; length <= 256; length++) {
      const key = randomBytes(length)
        .toString('latin1')
        .replaceAll(/[^ -~]/g, 'k')
        .slice(0, length);
      expect(digester.format(key)).toBe(hmac(pepper, key));
    }
    expect(digester.format('ключ-ключ')).toBe(hmac(pepper, 'ключ-ключ'));
  });

  it('does not let a longer key before it change the next', () => {
    const digester = new KeyDigester('pepper');
    digester.digest('k'.repeat(256));
    expect(digester.format('short')).toBe(hmac('pepper', 'short'));
  });
});
