import { describe, expect, it } from 'vitest';
import { configSources } from '../../test/support/config-sources.js';
import { buildSnapshot } from './load-snapshot.js';

const TEXT = `
version: 1
providers: [{ name: a, kind: simulated, concurrency: { initial: 10, min: 1, max: 41 } }]
models: [{ name: m, targets: [{ provider: a, model: x }] }]
limits: { maxInFlight: 9, maxConnections: 1 }
resilience: { queue: { maxLength: 8, maxBytes: 1000 } }
`;

describe("a worker's share of the limits", () => {
  const whole = buildSnapshot(TEXT, configSources()).snapshot;
  const share = buildSnapshot(TEXT, { ...configSources(), env: { ...configSources().env, ...lookup(), WORKERS: 4 } });
  const { snapshot } = share;

  it('is rounded up, and never 0', () => {
    expect(snapshot.limits).toMatchObject({ maxInFlight: 3, maxConnections: 1 });
    expect(snapshot.resilience.queue).toMatchObject({ maxLength: 2, maxBytes: 250 });
    expect(snapshot.providers.get('a')?.concurrency).toMatchObject({ initial: 3, min: 1, max: 11 });
  });

  it('holds for the providers of targets, too', () => {
    expect(snapshot.models.get('m')?.targets[0]?.provider.concurrency).toMatchObject({ initial: 3, max: 11 });
  });

  it('leaves the version as it is for one process', () => {
    expect(snapshot.version).toBe(whole.version);
    expect(whole.limits.maxInFlight).toBe(9);
  });
});

function lookup(): { readonly lookup: (name: string) => string | undefined } {
  return { lookup: () => undefined };
}
