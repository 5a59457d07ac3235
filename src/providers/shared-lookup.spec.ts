import { type LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { type LookupAll, sharedLookup } from './shared-lookup.js';

const ADDRESS: LookupAddress = { address: '203.0.113.7', family: 4 };

/** A resolver that answers when the test says so. */
function heldResolver(): { readonly lookup: LookupAll; readonly asked: string[]; answer(error?: Error): void } {
  const pending: Parameters<LookupAll>[2][] = [];
  const asked: string[] = [];
  return {
    asked,
    lookup: (hostname, _options, found) => {
      asked.push(hostname);
      pending.push(found);
    },
    answer: (error) => {
      for (const found of pending.splice(0)) found(error ?? null, error ? [] : [ADDRESS]);
    },
  };
}

describe('a shared look-up', () => {
  it('asks once for all who wait for the same name, and answers each', () => {
    const resolver = heldResolver();
    const lookup = sharedLookup(resolver.lookup);
    const told: LookupAddress[][] = [];
    for (let n = 0; n < 50; n++) lookup('slow.example', { all: true }, (_error, addresses) => told.push(addresses));
    expect(resolver.asked).toEqual(['slow.example']);
    resolver.answer();
    expect(told).toEqual(Array.from({ length: 50 }, () => [ADDRESS]));
  });

  it('tells each of a failure, and asks again the next time', () => {
    const resolver = heldResolver();
    const lookup = sharedLookup(resolver.lookup);
    const errors: unknown[] = [];
    const ask = () => lookup('gone.example', { all: true }, (error) => errors.push(error));
    ask();
    ask();
    const failure = new Error('ENOTFOUND');
    resolver.answer(failure);
    expect(errors).toEqual([failure, failure]);
    ask();
    expect(resolver.asked).toHaveLength(2);
  });

  it('keeps names, families and hints apart', () => {
    const resolver = heldResolver();
    const lookup = sharedLookup(resolver.lookup);
    const ignore = () => undefined;
    lookup('a.example', { all: true }, ignore);
    lookup('b.example', { all: true }, ignore);
    lookup('a.example', { all: true, family: 6 }, ignore);
    lookup('a.example', { all: true, hints: 32 }, ignore);
    expect(resolver.asked).toHaveLength(4);
  });
});
