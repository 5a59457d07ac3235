import { createHmac } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { aPrincipal } from '../../test/support/principal.js';
import { Secret } from '../kernel/secret.js';
import { type ApiKey } from '../kernel/snapshot.js';
import { mintKey } from './api-key-format.js';
import { KeyDigester } from './key-digest.js';
import { KeyIndex } from './key-index.js';

const PEPPER = 'a pepper of the server';

function literal(secret: string, keyId = 'literal'): ApiKey {
  return { principal: aPrincipal({ keyId }), secret: new Secret(secret), digests: [] };
}

function hexDigest(key: string): string {
  return createHmac('sha256', PEPPER).update(key).digest('hex');
}

describe('KeyIndex', () => {
  it('finds a key by its secret or by its digest', () => {
    const minted = mintKey();
    const stored: ApiKey = { principal: aPrincipal({ keyId: 'b' }), secret: undefined, digests: [hexDigest(minted)] };
    const index = new KeyIndex([literal('sixteen-or-more-chars', 'a'), stored], PEPPER);
    expect(index.find('sixteen-or-more-chars')?.keyId).toBe('a');
    expect(index.find(minted)?.keyId).toBe('b');
  });

  it('accepts both keys while one is rotated', () => {
    const [old, young] = [mintKey(), mintKey()];
    const principal = aPrincipal();
    const index = new KeyIndex([{ principal, secret: undefined, digests: [old, young].map(hexDigest) }], PEPPER);
    expect([index.find(old), index.find(young)]).toEqual([principal, principal]);
  });

  it('digests literal secrets without a pepper, too', () => {
    expect(new KeyIndex([literal('sixteen-or-more-chars')], undefined).find('sixteen-or-more-chars')).toBeDefined();
  });

  it.each(['', 'x', 'sixteen-or-more-charS', '__proto__', 'constructor', 'toString', '\0', 'ключ-ключ-ключ-ключ'])(
    'knows nobody by %j',
    (bearer) => {
      expect(new KeyIndex([literal('sixteen-or-more-chars')], PEPPER).find(bearer)).toBeUndefined();
    },
  );

  it('refuses bearers of more than 256 bytes even if they are known', () => {
    const [fits, long] = ['k'.repeat(256), 'k'.repeat(257)];
    const index = new KeyIndex([literal(fits, 'a'), literal(long, 'b')], PEPPER);
    expect([index.find(fits)?.keyId, index.find(long)]).toEqual(['a', undefined]);
    expect(new KeyIndex([literal('é'.repeat(129))], PEPPER).find('é'.repeat(129))).toBeUndefined();
  });

  it('refuses a minted key whose checksum is wrong before it is looked up', () => {
    const broken = `${mintKey().slice(0, -1)}!`;
    expect(new KeyIndex([literal(broken)], PEPPER).find(broken)).toBeUndefined();
  });

  it('does not take the stand-in of malformed bearers for a key', () => {
    expect(new KeyIndex([literal('')], PEPPER).find('gw_live_short')).toBeUndefined();
  });

  it('does the same number of digests for known, unknown and malformed bearers', () => {
    const digest = vi.spyOn(KeyDigester.prototype, 'digest');
    const index = new KeyIndex([literal('sixteen-or-more-chars')], PEPPER);
    const counts = ['sixteen-or-more-chars', 'unknown', '', 'k'.repeat(9999), 'gw_live_x'].map((bearer) => {
      digest.mockClear();
      index.find(bearer);
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
