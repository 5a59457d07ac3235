import { createHmac } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { aPrincipal } from '../../test/support/principal.js';
import { Secret } from '../kernel/secret.js';
import { type ApiKey } from '../kernel/snapshot.js';
import { mintKey } from './api-key-format.js';
import { KeyDigester } from './key-digest.js';
import { KeyIndex } from './key-index.js';

const PEPPER = 'a pepper of the server';
const NOW = Date.UTC(2026, 0, 31);

function literal(secret: string, keyId = 'literal'): ApiKey {
  return { principal: aPrincipal({ keyId }), secret: new Secret(secret), digests: [], expiresAt: undefined };
}

function hexDigest(key: string): string {
  return createHmac('sha256', PEPPER).update(key).digest('hex');
}

describe('KeyIndex', () => {
  it('finds a key by its secret or by its digest', () => {
    const minted = mintKey();
    const stored: ApiKey = {
      principal: aPrincipal({ keyId: 'b' }),
      secret: undefined,
      digests: [hexDigest(minted)],
      expiresAt: undefined,
    };
    const index = new KeyIndex([literal('sixteen-or-more-chars', 'a'), stored], PEPPER);
    expect(index.find('sixteen-or-more-chars', NOW)?.principal.keyId).toBe('a');
    expect(index.find(minted, NOW)?.principal.keyId).toBe('b');
  });

  it('accepts both keys while one is rotated', () => {
    const [old, young] = [mintKey(), mintKey()];
    const principal = aPrincipal();
    const key = { principal, secret: undefined, digests: [old, young].map(hexDigest), expiresAt: undefined };
    const index = new KeyIndex([key], PEPPER);
    expect([old, young].map((key) => index.find(key, NOW)?.principal)).toEqual([principal, principal]);
  });

  it('knows a key until it expires, and nobody by it from then on', () => {
    const index = new KeyIndex([{ ...literal('sixteen-or-more-chars'), expiresAt: NOW }], PEPPER);
    const known = [NOW - 1, NOW, NOW + 1].map((wall) => index.find('sixteen-or-more-chars', wall) !== undefined);
    expect(known).toEqual([true, false, false]);
  });

  it('digests literal secrets without a pepper, too', () => {
    expect(
      new KeyIndex([literal('sixteen-or-more-chars')], undefined).find('sixteen-or-more-chars', NOW),
    ).toBeDefined();
  });

  it.each(['', 'x', 'sixteen-or-more-charS', '__proto__', 'constructor', 'toString', '\0', 'ключ-ключ-ключ-ключ'])(
    'knows nobody by %j',
    (bearer) => {
      expect(new KeyIndex([literal('sixteen-or-more-chars')], PEPPER).find(bearer, NOW)).toBeUndefined();
    },
  );

  it('refuses bearers of more than 256 bytes even if they are known', () => {
    const [fits, long] = ['k'.repeat(256), 'k'.repeat(257)];
    const index = new KeyIndex([literal(fits, 'a'), literal(long, 'b')], PEPPER);
    expect([index.find(fits, NOW)?.principal.keyId, index.find(long, NOW)]).toEqual(['a', undefined]);
    expect(new KeyIndex([literal('é'.repeat(129))], PEPPER).find('é'.repeat(129), NOW)).toBeUndefined();
  });

  it('refuses a minted key whose checksum is wrong before it is looked up', () => {
    const broken = `${mintKey().slice(0, -1)}!`;
    expect(new KeyIndex([literal(broken)], PEPPER).find(broken, NOW)).toBeUndefined();
  });

  it('does not take the stand-in of malformed bearers for a key', () => {
    expect(new KeyIndex([literal('')], PEPPER).find('gw_live_short', NOW)).toBeUndefined();
  });

  it('does the same number of digests for known, unknown and malformed bearers', () => {
    const digest = vi.spyOn(KeyDigester.prototype, 'digest');
    const index = new KeyIndex([literal('sixteen-or-more-chars')], PEPPER);
    const counts = ['sixteen-or-more-chars', 'unknown', '', 'k'.repeat(9999), 'gw_live_x'].map((bearer) => {
      digest.mockClear();
      index.find(bearer, NOW);
      return digest.mock.calls.length;
    });
    expect(counts).toEqual([1, 1, 1, 1, 1]);
    digest.mockRestore();
  });
});

describe('KeyDigester', () => {
  it('writes digests as the gateway file takes them', () => {
    expect(new KeyDigester(PEPPER).format('key')).toBe(`hmac-sha256:${hexDigest('key')}`);
  });
});
