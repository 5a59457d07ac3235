import { describe, expect, it } from 'vitest';
import { RecentIds } from './recent-ids.js';

describe('recent ids', () => {
  it('are the last ones that were added, and no others', () => {
    const recent = new RecentIds(3);
    for (const id of ['a', 'b', 'c', 'd']) recent.add(id);
    expect(['a', 'b', 'c', 'd', 'e'].filter((id) => recent.has(id))).toEqual(['b', 'c', 'd']);
  });

  it('count once, however often they are added', () => {
    const recent = new RecentIds(2);
    for (const id of ['a', 'b', 'b', 'b']) recent.add(id);
    expect([recent.has('a'), recent.has('b')]).toEqual([true, true]);
    recent.add('c');
    expect([recent.has('a'), recent.has('b'), recent.has('c')]).toEqual([false, true, true]);
  });
});
