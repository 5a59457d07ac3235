import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { type Provider, type Snapshot } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { upstreamHeaders } from '../providers/upstream-headers.js';

/** Probes of several gateways must not fall into step: each pause is drawn from ±this share of the interval. */
const JITTER = 0.2;

/** What the last probe of a provider found. */
export interface ProbeResult {
  readonly healthy: boolean;
  /** Monotonic ms. */
  readonly at: number;
}

interface Probing {
  readonly provider: Provider;
  timer: Timer | undefined;
  result: ProbeResult | undefined;
}

/** Asks providers for their health in the background, where that is configured: free calls, counted as no request. */
@Injectable()
export class HealthProber implements OnModuleInit, OnModuleDestroy {
  readonly #probing = new Map<string, Probing>();

  constructor(
    private readonly config: ConfigStore,
    private readonly catalog: ProviderCatalog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#adopt(this.config.current);
    this.config.onSwap((snapshot) => this.#adopt(snapshot));
  }

  onModuleDestroy(): void {
    for (const { timer } of this.#probing.values()) timer?.cancel();
    this.#probing.clear();
  }

  /** undefined where the provider is not probed, or not yet. */
  result(provider: string): ProbeResult | undefined {
    return this.#probing.get(provider)?.result;
  }

  /** A reload begins all probes anew; what was found of an address that stayed is kept. */
  #adopt({ providers }: Snapshot): void {
    const known = new Map(this.#probing);
    this.onModuleDestroy();
    for (const provider of providers.values()) {
      if (!provider.enabled || !provider.probe.enabled) continue;
      const before = known.get(provider.name);
      const result = before?.provider.baseUrl === provider.baseUrl ? before?.result : undefined;
      const probing: Probing = { provider, timer: undefined, result };
      this.#probing.set(provider.name, probing);
      void this.#probe(probing);
    }
  }

  async #probe(probing: Probing): Promise<void> {
    const { provider } = probing;
    const healthy = await this.#isHealthy(provider);
    if (this.#probing.get(provider.name) !== probing) return;
    probing.result = { healthy, at: this.clock.now() };
    const pause = provider.probe.intervalMs * (1 - JITTER + 2 * JITTER * this.clock.random());
    probing.timer = this.clock.after(pause, () => void this.#probe(probing));
  }

  /** Any 2xx is healthy, whatever its body says. */
  async #isHealthy(provider: Provider): Promise<boolean> {
    const { adapter, transport } = this.catalog.get(provider.kind);
    const { path, timeoutMs } = provider.probe;
    const exchange = transport.send(provider, {
      method: 'GET',
      // A configured path begins at the origin.
      path: path === undefined ? adapter.probePath : `/${path}`,
      headers: upstreamHeaders(provider, adapter, {}, { requestId: 'health-probe', traceparent: undefined }),
      body: null,
    });
    const timer = this.clock.after(timeoutMs, () =>
      exchange.fail(new UpstreamFailure('fault', 'response_timeout', 'elsewhere')),
    );
    try {
      const { status } = await exchange.head();
      return status >= 200 && status <= 299;
    } catch {
      return false;
    } finally {
      timer.cancel();
      exchange.discard();
    }
  }
}
