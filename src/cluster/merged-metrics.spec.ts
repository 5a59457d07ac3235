import { describe, expect, it } from 'vitest';
import { addEnded, mergeFamilies } from './merged-metrics.js';
import { parseFamilies, writeFamilies } from './metric-families.js';

const exposition = (...lines: string[]): ReturnType<typeof parseFamilies> => parseFamilies(`${lines.join('\n')}\n`);
const NONE = exposition();

function merged(...texts: readonly (readonly string[])[]): string {
  const living = texts.map((lines, at) => ({ worker: at + 1, families: exposition(...lines) }));
  return writeFamilies(mergeFamilies(living, NONE));
}

describe('the exposition of several workers', () => {
  it('sums counters by labels, and keeps what only one of them has', () => {
    const text = merged(
      ['# HELP a_total A.', '# TYPE a_total counter', 'a_total{m="x"} 2', 'a_total{m="y"} 1'],
      ['# HELP a_total A.', '# TYPE a_total counter', 'a_total{m="x"} 3', 'a_total{m="z"} 5'],
    );
    expect(text).toBe(
      '# HELP a_total A.\n# TYPE a_total counter\na_total{m="x"} 5\na_total{m="y"} 1\na_total{m="z"} 5\n',
    );
  });

  it('sums the buckets, the sum and the count of a histogram', () => {
    const lines = ['# TYPE h histogram', 'h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 2', 'h_sum 1.5', 'h_count 2'];
    const doubled = ['# TYPE h histogram', 'h_bucket{le="1"} 2', 'h_bucket{le="+Inf"} 4', 'h_sum 3', 'h_count 4', ''];
    expect(merged(lines, lines)).toBe(doubled.join('\n'));
  });

  it.each([
    ['gateway_in_flight_requests', 7],
    ['gateway_breaker_state', 5],
    ['gateway_redis_up', 2],
    ['nodejs_eventloop_lag_p99_seconds', 5],
  ])('gives %s by its rule', (name, value) => {
    expect(merged([`# TYPE ${name} gauge`, `${name} 2`], [`# TYPE ${name} gauge`, `${name} 5`])).toContain(
      `\n${name} ${value}\n`,
    );
  });

  it('keeps the hash of the configuration apart for each process', () => {
    const lines = ['# TYPE gateway_config_hash gauge', 'gateway_config_hash 17'];
    const text = merged(lines, lines);
    expect(text).toContain('gateway_config_hash{worker="1"} 17\ngateway_config_hash{worker="2"} 17\n');
  });

  it('goes on counting what workers had counted that ended, and forgets their gauges', () => {
    const lines = ['# TYPE a_total counter', 'a_total 4', '# TYPE g gauge', 'g 9'];
    const ended = addEnded(addEnded(NONE, exposition(...lines)), exposition(...lines));
    const families = mergeFamilies([{ worker: 3, families: exposition(...lines) }], ended);
    expect(writeFamilies(families)).toBe('# TYPE a_total counter\na_total 12\n# TYPE g gauge\ng 9\n');
  });

  it('reads label values that hold braces, quotes and spaces', () => {
    const lines = ['# TYPE a_total counter', String.raw`a_total{m="} \" # {",n="b"} 1`];
    expect(merged(lines, lines)).toContain(String.raw`a_total{m="} \" # {",n="b"} 2`);
  });
});
