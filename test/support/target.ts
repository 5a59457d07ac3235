import { type Target } from '../../src/kernel/snapshot.js';

/** A target of a provider of this kind, with the configuration's defaults. */
export function targetOf(kind: string, overrides: Partial<Target> = {}): Target {
  return {
    id: 'contract/upstream-model',
    provider: {
      name: 'contract',
      kind,
      baseUrl: 'https://upstream.test/v1',
      apiKey: undefined,
      hosting: 'hosted',
      weight: 1,
      tier: 0,
      enabled: true,
      allowPrivate: false,
      timeouts: { connectMs: 2_000, firstTokenMs: 30_000, idleMs: 30_000, totalMs: 600_000 },
      concurrency: { limiter: 'auto', initial: 256, min: 4, max: 512 },
      onDisconnect: 'cancel',
      requestIdHeader: 'raw',
      streamUpstream: false,
      tokenizer: undefined,
      usagePerChoice: false,
      tokenCapField: 'max_tokens',
      probe: { enabled: false, path: undefined, intervalMs: 5_000, timeoutMs: 1_000, warmUpAfterIdleMs: undefined },
      simulated: undefined,
    },
    model: 'upstream-model',
    weight: 1,
    tier: 0,
    contextTokens: undefined,
    maxOutputTokens: undefined,
    continuesPrefix: false,
    price: undefined,
    ...overrides,
  };
}
