import { expect, it } from 'vitest';
import { effectivePriority } from './priority.js';

it.each([
  ['sheddable', 'critical', 'sheddable'],
  ['default', 'critical', 'default'],
  ['critical', 'sheddable', 'sheddable'],
  ['critical', ' Default ', 'default'],
  ['default', 'urgent', 'default'],
  ['default', '__proto__', 'default'],
  ['default', undefined, 'default'],
] as const)('a %s key that asks for %s is %s: the header may only lower', (key, header, expected) => {
  expect(effectivePriority(key, header)).toBe(expected);
});
