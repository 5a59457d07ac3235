import { execFileSync } from 'node:child_process';
import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { exposition } from './exposition.js';
import { FastCounter, FastHistogram, ReadGauge } from './fast-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';

const OPEN = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
const turn = (): Promise<void> => Promise.resolve();
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

function registryOfTwo(): Registry {
  const registry = new Registry();
  const registers = [registry];
  new FastCounter({ name: 'c_total', help: 'C.', labelNames: ['a'], registers }).child({ a: 'x' }).add(3);
  const child = new FastHistogram({ name: 'h_seconds', help: 'H.', buckets: [1, 2], registers }).child({});
  child.observe(0.5);
  child.observeTraced(1.5, TRACE, 1_700_000_000_500);
  return registry;
}

describe('the exposition', () => {
  it('is text 0.0.4 without exemplars where nobody asks for more', async () => {
    const { contentType, text } = await exposition(registryOfTwo(), undefined, turn);
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('# TYPE c_total counter\nc_total{a="x"} 3\n');
    expect(text).not.toContain(TRACE);
  });

  it('is OpenMetrics with the exemplar in its bucket where the scraper takes it', async () => {
    const { contentType, text } = await exposition(registryOfTwo(), OPEN, turn);
    expect(contentType).toContain('application/openmetrics-text');
    expect(text).toContain('# TYPE c counter\nc_total{a="x"} 3\n');
    expect(text).toContain('h_seconds_bucket{le="1"} 1\n');
    expect(text).toContain(`h_seconds_bucket{le="2"} 2 # {trace_id="${TRACE}"} 1.5 1700000000.5\n`);
    expect(text.endsWith('# EOF\n')).toBe(true);
  });

  it('is the same in one format after a scrape in the other', async () => {
    const registry = registryOfTwo();
    const before = await exposition(registry, undefined, turn);
    await exposition(registry, OPEN, turn);
    expect(await exposition(registry, undefined, turn)).toEqual(before);
  });

  it('is written as prom-client writes it, its own default metrics and odd labels included', async () => {
    const registry = registryOfTwo();
    const registers = [registry];
    const names = { 'a "quoted"\nname\\': 1, '': 2 };
    new ReadGauge({ name: 'g', help: 'A \\ and a\nline.', labelNames: ['n'], registers }).readFrom(() =>
      Object.entries(names).map(([n, value]) => ({ labels: { n }, value: value / 0 })),
    );
    new Histogram({ name: 'theirs', help: 'T.', labelNames: ['a'], buckets: [1], registers }).observe({ a: 'x' }, 2);
    new Counter({ name: 'empty_total', help: 'E.', labelNames: ['a'], registers });
    for (let scrape = 0; scrape < 2; scrape++) {
      expect((await exposition(registry, undefined, turn)).text).toBe(await registry.metrics());
      expect((await exposition(registry, OPEN, turn)).text).toContain('theirs_bucket{le="+Inf",a="x"} 1\n');
    }
  });

  it('lets the event loop serve others after each thousand lines', async () => {
    const registry = new Registry();
    const counter = new FastCounter({ name: 'c_total', help: 'C.', labelNames: ['n'], registers: [registry] });
    for (let n = 0; n < 2_500; n++) counter.child({ n: String(n) });
    let turns = 0;
    const { text } = await exposition(registry, undefined, () => {
      turns++;
      return Promise.resolve();
    });
    expect([turns, text.split('\n').filter((line) => line.endsWith(' 0')).length]).toEqual([2, 2_500]);
  });

  it('of every metric of the gateway has no finding of promtool', async () => {
    const { text } = await exposition(new GatewayMetrics().registry, undefined, turn);
    expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
  });
});
