import { execFileSync } from 'node:child_process';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { exposition } from './exposition.js';
import { FastCounter, FastHistogram } from './fast-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';

const OPEN = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
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
    const { contentType, text } = await exposition(registryOfTwo(), undefined);
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('# TYPE c_total counter\nc_total{a="x"} 3\n');
    expect(text).not.toContain(TRACE);
  });

  it('is OpenMetrics with the exemplar in its bucket where the scraper takes it', async () => {
    const { contentType, text } = await exposition(registryOfTwo(), OPEN);
    expect(contentType).toContain('application/openmetrics-text');
    expect(text).toContain('# TYPE c counter\nc_total{a="x"} 3\n');
    expect(text).toContain('h_seconds_bucket{le="1"} 1\n');
    expect(text).toContain(`h_seconds_bucket{le="2"} 2 # {trace_id="${TRACE}"} 1.5 1700000000.5\n`);
    expect(text.endsWith('# EOF\n')).toBe(true);
  });

  it('is the same in one format after a scrape in the other', async () => {
    const registry = registryOfTwo();
    const before = await exposition(registry, undefined);
    await exposition(registry, OPEN);
    expect(await exposition(registry, undefined)).toEqual(before);
  });

  it('of every metric of the gateway has no finding of promtool', async () => {
    const { text } = await exposition(new GatewayMetrics().registry, undefined);
    expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
  });
});
