import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.js';

describe('Secret', () => {
  const secret = new Secret('sk-very-secret');

  it('reveals its text to whoever asks for it', () => {
    expect(secret.reveal()).toBe('sk-very-secret');
  });

  it.each([
    ['a template', `refused ${String(secret)}`],
    ['JSON', JSON.stringify({ secret })],
    ['a dump', inspect({ secret }, { showHidden: true, depth: 5 })],
    ['a log line', format('%s %j %o', secret, secret, secret)],
    ['its members', JSON.stringify(Object.entries(secret))],
    ['an error', new Error(`refused: ${String(secret)}`).stack ?? ''],
  ])('does not show in %s', (_where, text) => {
    expect(text).not.toContain('very');
  });
});
