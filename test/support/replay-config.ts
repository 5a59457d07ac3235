/** The gateway file for a replayed engine: one attempt, no breaker, no shedding, so that each exchange is told as it is. */
export function replayConfig(baseUrl: string): Record<string, unknown> {
  const engine = {
    kind: 'vllm',
    baseUrl,
    apiKey: 'engine-secret',
    allowPrivate: true,
    probe: { enabled: false },
    timeouts: { firstTokenMs: 10_000, idleMs: 300 },
  };
  const target = (provider: string) => [{ provider, model: 'tiny' }];
  return {
    version: 1,
    providers: [
      { name: 'engine', ...engine },
      { name: 'engine_uuid', ...engine, requestIdHeader: 'uuid' },
      { name: 'engine_no_id', ...engine, requestIdHeader: 'none' },
    ],
    models: [
      { name: 'tiny', targets: target('engine') },
      { name: 'tiny-alias', targets: target('engine') },
      { name: 'tiny-uuid', targets: target('engine_uuid') },
      { name: 'tiny-no-id', targets: target('engine_no_id') },
    ],
    resilience: { maxAttempts: 1, breaker: { enabled: false }, shedding: { enabled: false } },
  };
}
