import { describe, expect, it } from 'vitest';
import { type Principal, type Provider, type Snapshot } from '../kernel/snapshot.js';
import { parseNoFailover, parseProviderPriority } from './provider-priority.js';

const names = ['openai', 'vllm-a', 'vllm-b', 'mock_openai', 'c', 'd', 'off'];
const providers = new Map(names.map((name) => [name, { name, enabled: name !== 'off' } as Provider]));
const snapshot = { providers } as unknown as Snapshot;
const principalOf = (...globs: string[]): Principal => ({ providers: globs }) as unknown as Principal;
const parse = (header: string | undefined, principal = principalOf('*')) =>
  parseProviderPriority(header, snapshot, principal);
const unknownProvider = expect.objectContaining({
  code: 'unknown_provider',
  status: 400,
  param: 'X-Provider-Priority',
}) as Error;

describe('parseProviderPriority', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['   ', []],
    ['openai', ['openai']],
    ['mock_openai, vllm-a ,openai', ['mock_openai', 'vllm-a', 'openai']],
    ['openai,vllm-a,vllm-b,c,d', ['openai', 'vllm-a', 'vllm-b', 'c', 'd']],
  ])('reads %j', (header, expected) => {
    expect(parse(header)).toEqual(expected);
  });

  it.each(['none', 'OPENAI', 'openai,', ',', 'openai,,vllm-a', 'off', 'openai;vllm-a', '__proto__', 'x'.repeat(65)])(
    'refuses %j',
    (header) => {
      expect(() => parse(header)).toThrow(unknownProvider);
    },
  );

  it('refuses more than five names', () => {
    expect(() => parse('openai,vllm-a,vllm-b,c,d,openai')).toThrow(unknownProvider);
  });

  it('answers the same for a forbidden and for an unknown provider', () => {
    const told = (header: string): unknown => {
      try {
        return parse(header, principalOf('vllm-*'));
      } catch (error) {
        return (error as { toObject: () => unknown }).toObject();
      }
    };
    expect(told('openai')).toEqual(told('none'));
    expect(told('vllm-a')).toEqual(['vllm-a']);
  });
});

describe('parseNoFailover', () => {
  it.each(['true', 'TRUE', ' strict ', '1', 'yes'])('takes %j for yes', (header) => {
    expect(parseNoFailover(header)).toBe(true);
  });

  it.each([undefined, '', 'false', '0', 'no', 'truely'])('takes %j for no', (header) => {
    expect(parseNoFailover(header)).toBe(false);
  });
});
