import { collectDefaultMetrics, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/kernel/gateway-error.js';
import { LISTED, valuesOf } from './metrics-list.js';
import { readText } from './repository.js';

const ours = [...LISTED.values()].filter(({ name }) => /^(gateway|gen_ai)_/.test(name));

describe('the list of metrics', () => {
  it('has the default metrics of prom-client, but for the gauges named as counters', async () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const defaults = (await registry.getMetricsAsJSON()).map(
      ({ name, type }) => `${name} ${type as unknown as string}`,
    );
    const misnamed = /^nodejs_active_(handles|requests|resources)_total /;
    const listed = [...LISTED.values()].filter(({ name }) => /^(process|nodejs)_/.test(name));
    expect(listed.map(({ name, type }) => `${name} ${type}`).sort()).toEqual(
      defaults.filter((entry) => !misnamed.test(entry)).sort(),
    );
  });

  it('names codes exactly as the error table does', () => {
    const codes = valuesOf('code', 'gateway_requests_total');
    expect([...codes!].sort()).toEqual(['ok', 'cancelled', ...Object.keys(ERROR_TABLE)].sort());
  });

  it('names the reasons of failed attempts exactly as the kernel does', () => {
    const union = /export type FailureReason =([^;]+);/.exec(readText('src/kernel/upstream.ts'))![1]!;
    const reasons = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1]!);
    expect([...valuesOf('reason', 'gateway_attempts_total')!].sort()).toEqual(['none', ...reasons].sort());
  });

  it.each(ours)('$name follows the naming conventions', ({ name, type }) => {
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|mb|kb|percent)(_|$)/);
    if (type === 'histogram') expect(name).toMatch(/_(seconds|token_usage)$/);
  });

  it.each(ours)('$name has no label that a caller could fill', ({ labels }) => {
    const closed = labels.filter(
      (label) => !/^(key|key_id|user|org|request_id|path|message|upstream_message)$/.test(label),
    );
    expect(closed).toEqual(labels);
  });
});
