import { describe, expect, it } from 'vitest';
import { TextSample } from './text-sample.js';

const numbered = (count: number): string => Array.from({ length: count }, (_, n) => `w${n}`.padEnd(7)).join(' ');

function sampleOf(...pieces: string[]): readonly string[] {
  const sample = new TextSample();
  for (const piece of pieces) sample.add(piece);
  return sample.windows;
}

describe('a sample of a text', () => {
  it('is the whole of a short one', () => {
    expect(sampleOf('Hello', ', ', 'world')).toEqual(['Hello, world']);
    expect(sampleOf(numbered(100)).join('')).toBe(numbered(100));
  });

  it('is at most 32 windows of a long one, from all over it', () => {
    for (const words of [1_000, 12_345, 100_000]) {
      const windows = sampleOf(numbered(words));
      expect(windows.length).toBeGreaterThanOrEqual(16);
      expect(windows.length).toBeLessThanOrEqual(32);
      const numbers = windows.map((window) => Number(/w(\d+)/.exec(window)?.[1]));
      const gaps = numbers.slice(1).map((number, at) => number - (numbers[at] ?? 0));
      expect(Math.max(...gaps) / Math.min(...gaps)).toBeLessThan(1.1);
      expect(numbers.at(-1)).toBeGreaterThan(words * 0.9);
    }
  });

  it('ends its windows before a space, and splits no character', () => {
    for (const window of sampleOf(numbered(500)).slice(1)) expect(window).toMatch(/^ +w\d/);
    for (const window of sampleOf('a' + '🚀'.repeat(500))) expect(Buffer.from(window).toString()).toBe(window);
  });

  it('leaves short pieces whole: they are tokens', () => {
    expect(sampleOf('x'.repeat(60), 'international', 'y')).toEqual([`${'x'.repeat(60)}international`, 'y']);
  });
});
