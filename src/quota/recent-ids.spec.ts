import { describe, expect, it } from 'vitest';
import { RecentIds } from './recent-ids.js';

describe('recent ids', () => {
  it('are at least the last ones that were added, and at most twice as many', () => {
    const recent = new RecentIds(3);
    const ids = Array.from({ length: 10 }, (_, at) => `id-${at}`);
    for (const [at, id] of ids.entries()) {
      recent.add(id);
      const known = ids.filter((one) => recent.has(one));
      expect(known).toEqual(expect.arrayContaining(ids.slice(Math.max(0, at - 2), at + 1)));
      expect(known.length).toBeLessThanOrEqual(6);
    }
    expect(recent.has('another')).toBe(false);
  });
});
