import { describe, expect, it } from 'vitest';
import { addEnded, mergeFamilies } from './merged-metrics.js';
import { type Format, parseFamilies, writeFamilies } from './metric-families.js';

type Parsed = ReturnType<typeof parseFamilies>;

const exposition = (...lines: string[]): Parsed => parseFamilies(`${lines.join('\n')}\n# EOF\n`);
/** A family as a worker writes it. */
const family = (name: string, type: string, ...samples: string[]): string[] => [
  `# HELP ${name} What ${name} is.`,
  `# TYPE ${name} ${type}`,
  ...samples,
];
const NONE = exposition();

function merged(texts: readonly (readonly string[])[], format: Format = 'text'): string {
  const living = texts.map((lines, at) => ({ worker: at + 1, families: exposition(...lines) }));
  return writeFamilies(mergeFamilies(living, NONE), format);
}

describe('the exposition of several workers', () => {
  it('sums counters by labels, and keeps what only one of them has', () => {
    const text = merged([
      family('a', 'counter', 'a_total{m="x"} 2', 'a_total{m="y"} 1'),
      family('a', 'counter', 'a_total{m="x"} 3', 'a_total{m="z"} 5'),
    ]);
    expect(text).toBe(
      '# HELP a_total What a is.\n# TYPE a_total counter\na_total{m="x"} 5\na_total{m="y"} 1\na_total{m="z"} 5\n',
    );
  });

  it('sums the buckets, the sum and the count of a histogram', () => {
    const lines = family('h', 'histogram', 'h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 2', 'h_sum 1.5', 'h_count 2');
    const doubled = ['h_bucket{le="1"} 2', 'h_bucket{le="+Inf"} 4', 'h_sum 3', 'h_count 4', ''];
    expect(merged([lines, lines])).toBe(family('h', 'histogram', ...doubled).join('\n'));
  });

  it.each([
    ['gateway_in_flight_requests', 7],
    ['gateway_redis_up', 2],
    ['nodejs_eventloop_lag_p99_seconds', 5],
  ])('gives %s by its rule', (name, value) => {
    expect(merged([family(name, 'gauge', `${name} 2`), family(name, 'gauge', `${name} 5`)])).toContain(
      `\n${name} ${value}\n`,
    );
  });

  it.each([
    [0, 2, 2],
    [2, 1, 1],
    [1, 0, 1],
  ])('shows an open breaker before a half-open one: %i and %i give %i', (left, right, shown) => {
    const lines = (state: number) => family('gateway_breaker_state', 'gauge', `gateway_breaker_state ${state}`);
    expect(merged([lines(left), lines(right)])).toContain(`\ngateway_breaker_state ${shown}\n`);
  });

  it('keeps the hash of the configuration apart for each process', () => {
    const lines = family('gateway_config_hash', 'gauge', 'gateway_config_hash 17');
    const text = merged([lines, lines]);
    expect(text).toContain('gateway_config_hash{worker="1"} 17\ngateway_config_hash{worker="2"} 17\n');
  });

  it('goes on counting what workers had counted that ended, and forgets their gauges', () => {
    const lines = [...family('a', 'counter', 'a_total 4'), ...family('g', 'gauge', 'g 9')];
    const ended = addEnded(addEnded(NONE, exposition(...lines)), exposition(...lines));
    const families = mergeFamilies([{ worker: 3, families: exposition(...lines) }], ended);
    const text = writeFamilies(families, 'text');
    expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual(['a_total 12', 'g 9', '']);
  });

  it('reads label values that hold braces, quotes and spaces', () => {
    const lines = family('a', 'counter', String.raw`a_total{m="} \" # {",n="b"} 1`);
    expect(merged([lines, lines])).toContain(String.raw`a_total{m="} \" # {",n="b"} 2`);
  });

  it('is OpenMetrics where it is asked for, with the newest exemplar of each series', () => {
    const bucket = (count: number, exemplar: string): string[] =>
      family('h', 'histogram', `h_bucket{le="+Inf"} ${count} # ${exemplar}`, `h_sum ${count}`, `h_count ${count}`);
    const older = [...family('a', 'counter', 'a_total 1'), ...bucket(1, '{trace_id="old"} 0.5 1700000000.5')];
    const newer = [...family('a', 'counter', 'a_total 1'), ...bucket(2, '{trace_id="new"} 0.7 1700000001.25')];
    const expected = [
      ...family('a', 'counter', 'a_total 2'),
      ...family('h', 'histogram', 'h_bucket{le="+Inf"} 3 # {trace_id="new"} 0.7 1700000001.25', 'h_sum 3', 'h_count 3'),
      '# EOF',
      '',
    ].join('\n');
    expect(merged([older, newer], 'openmetrics')).toBe(expected);
    expect(merged([newer, older], 'openmetrics')).toBe(expected);
    expect(merged([older, newer])).not.toContain('trace_id');
  });
});
