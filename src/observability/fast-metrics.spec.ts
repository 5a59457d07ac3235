import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry, type RegistryContentType } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { FastCounter, FastHistogram, ReadGauge } from './fast-metrics.js';

const FORMATS: readonly RegistryContentType[] = [Registry.PROMETHEUS_CONTENT_TYPE, Registry.OPENMETRICS_CONTENT_TYPE];

function registryOf(format: RegistryContentType): Registry<RegistryContentType> {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(format);
  return registry;
}

/** The lines of a scrape, in any order: the order of series says nothing. */
async function scrape(registry: Registry<RegistryContentType>): Promise<string[]> {
  return (await registry.metrics()).split('\n').sort();
}

describe.each(FORMATS)('metrics in %s', (format) => {
  it('tell what a counter of prom-client tells', async () => {
    const [ours, theirs] = [registryOf(format), registryOf(format)];
    const configuration = { name: 'requests_total', help: 'Requests "by" model.', labelNames: ['model', 'code'] };
    const fast = new FastCounter({ ...configuration, registers: [ours] });
    const slow = new Counter({ ...configuration, registers: [theirs] });
    for (const labels of [
      { model: 'gpt-4o-mini', code: '' },
      { model: 'a "quoted"\nname\\', code: 'overloaded' },
    ]) {
      const child = fast.child(labels);
      for (const amount of [1, 41]) {
        child.add(amount);
        slow.inc(labels, amount);
      }
      child.add();
      slow.inc(labels);
    }
    expect(await scrape(ours)).toEqual(await scrape(theirs));
  });

  it('tell what a histogram of prom-client tells, for any observations', async () => {
    const observations = fc.array(fc.oneof(fc.double({ min: 0, max: 20, noNaN: true }), fc.constantFrom(0.1, 1, 10)));
    await fc.assert(
      fc.asyncProperty(observations, observations, async (first, second) => {
        const [ours, theirs] = [registryOf(format), registryOf(format)];
        const configuration = { name: 'wait_seconds', help: 'Wait.', labelNames: ['model'], buckets: [0.1, 1, 10] };
        const fast = new FastHistogram({ ...configuration, registers: [ours] });
        const slow = new Histogram({ ...configuration, registers: [theirs] });
        for (const [model, values] of Object.entries({ first, second })) {
          const child = fast.child({ model });
          slow.zero({ model });
          for (const value of values) {
            child.observe(value);
            slow.observe({ model }, value);
          }
        }
        expect(await scrape(ours)).toEqual(await scrape(theirs));
      }),
      { numRuns: 50 },
    );
  });

  it('tell what a gauge of prom-client tells', async () => {
    const [ours, theirs] = [registryOf(format), registryOf(format)];
    const configuration = { name: 'in_flight', help: 'In flight.', labelNames: ['model'] };
    new ReadGauge({ ...configuration, registers: [ours] }).readFrom(() => [{ labels: { model: 'm' }, value: 3 }]);
    new Gauge({ ...configuration, registers: [theirs] }).set({ model: 'm' }, 3);
    expect(await scrape(ours)).toEqual(await scrape(theirs));
  });
});

describe('FastHistogram', () => {
  it('answers the same values as JSON', async () => {
    const registry = new Registry();
    const histogram = new FastHistogram({ name: 'h', help: 'H.', buckets: [1], registers: [registry] });
    histogram.child({}).observe(2);
    expect((await histogram.get()).values).toEqual([
      { labels: { le: 1 }, value: 0, metricName: 'h_bucket' },
      { labels: { le: '+Inf' }, value: 1, metricName: 'h_bucket' },
      { labels: {}, value: 2, metricName: 'h_sum' },
      { labels: {}, value: 1, metricName: 'h_count' },
    ]);
  });
});

describe('ReadGauge', () => {
  it('reads its source at every scrape', async () => {
    let value = 1;
    const gauge = new ReadGauge({ name: 'g', help: 'G.', registers: [new Registry()] });
    expect((await gauge.get()).values).toEqual([]);
    gauge.readFrom(() => [{ labels: {}, value: value++ }]);
    await gauge.get();
    expect((await gauge.get()).values).toEqual([{ labels: {}, value: 2 }]);
  });
});
