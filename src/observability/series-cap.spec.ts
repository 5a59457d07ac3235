import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { FastCounter, FastHistogram } from './fast-metrics.js';
import { SeriesCap } from './series-cap.js';

describe('the cap on series', () => {
  it('folds what finds no room into one series other, and counts it', async () => {
    let dropped = 0;
    const cap = new SeriesCap(10, () => dropped++);
    const registers = [new Registry()];
    const counter = new FastCounter({ name: 'c_total', help: 'C.', labelNames: ['a', 'b'], registers }, cap);
    const histogram = new FastHistogram({ name: 'h', help: 'H.', labelNames: ['a'], buckets: [1, 2], registers }, cap);
    histogram.child({ a: 'first' }).observe(1);
    for (let at = 0; at < 100_000; at++) counter.child({ a: `v${at}`, b: 'x' }).add();
    histogram.child({ a: 'second' }).observe(1);
    histogram.child({ a: 'third' }).observe(1);
    const { values } = await counter.get();
    expect(values).toHaveLength(6);
    expect(values.at(-1)).toEqual({ labels: { a: 'other', b: 'other' }, value: 100_000 - 5 });
    expect(dropped).toBe(100_000 - 5 + 2);
    expect((await histogram.get()).values).toHaveLength(2 * 5);
    expect(await registers[0]!.metrics()).toContain('h_count{a="other"} 2\n');
  });
});
