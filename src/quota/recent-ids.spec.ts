import { describe, expect, it } from 'vitest';
import { RecentIds } from './recent-ids.js';

describe('recent ids', () => {
  it('fall out one by one, the oldest first, for each that is added beyond their number', () => {
    const recent = new RecentIds(3);
    const fallen = Array.from({ length: 8 }, (_, at) => recent.add(`id-${at}`));
    expect(fallen).toEqual([undefined, undefined, undefined, 'id-0', 'id-1', 'id-2', 'id-3', 'id-4']);
  });
});
