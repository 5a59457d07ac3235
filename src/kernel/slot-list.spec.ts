import { describe, expect, it } from 'vitest';
import { SlotList } from './slot-list.js';

const a = { name: 'a' };
const b = { name: 'b' };
const c = { name: 'c' };

describe('SlotList', () => {
  it('holds what was added and not removed', () => {
    const list = new SlotList<{ name: string }>();
    const place = list.add(a);
    list.add(b);
    list.remove(place);
    expect([list.size, list.items()]).toEqual([1, [b]]);
  });

  it('gives a place that became free to the next item', () => {
    const list = new SlotList<{ name: string }>();
    const place = list.add(a);
    list.add(b);
    list.remove(place);
    expect(list.add(c)).toBe(place);
    expect([list.size, list.items()]).toEqual([2, [c, b]]);
  });

  it('shows the items of one moment, whatever happens to the list meanwhile', () => {
    const list = new SlotList<{ name: string }>();
    const place = list.add(a);
    const seen = list.items();
    list.remove(place);
    expect(seen).toEqual([a]);
  });
});
