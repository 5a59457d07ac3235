import { type Provider, type Snapshot } from '../kernel/snapshot.js';
import { FrozenMap } from './frozen.js';

type Shared = Omit<Snapshot, 'version' | 'loadedAt'>;

/**
 * One worker's part of what the file grants to the whole gateway: rounded up, at least 1. The only place that divides.
 * Rates while Redis is away are divided elsewhere, by the gateways that the store counts: each worker is one.
 */
export function workerShare<T extends Shared>(content: T, workers: number): T {
  if (workers === 1) return content;
  const part = (whole: number): number => Math.max(1, Math.ceil(whole / workers));
  const { limits, resilience, models } = content;
  const providers = new Map<string, Provider>();
  for (const [name, provider] of content.providers) providers.set(name, shareOf(provider, part));
  const shared = [...models].map(([name, model]) => {
    const targets = model.targets.map((target) => ({
      ...target,
      provider: providers.get(target.provider.name) ?? target.provider,
    }));
    return [name, { ...model, targets }] as const;
  });
  const { queue } = resilience;
  return {
    ...content,
    providers: new FrozenMap(providers),
    models: new FrozenMap(new Map(shared)),
    resilience: {
      ...resilience,
      queue: { ...queue, maxLength: part(queue.maxLength), maxBytes: part(queue.maxBytes) },
    },
    limits: { ...limits, maxInFlight: part(limits.maxInFlight), maxConnections: part(limits.maxConnections) },
  };
}

function shareOf(provider: Provider, part: (whole: number) => number): Provider {
  const { concurrency } = provider;
  const { initial, min, max } = concurrency;
  return { ...provider, concurrency: { ...concurrency, initial: part(initial), min: part(min), max: part(max) } };
}
