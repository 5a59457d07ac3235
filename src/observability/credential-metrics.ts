import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { certificateSeen } from '../kernel/channels.js';
import { GatewayMetrics } from './gateway-metrics.js';

/** Shows when the first credential of each kind ends: keys of callers, certificates of upstreams. */
@Injectable()
export class CredentialMetrics implements OnModuleInit, OnModuleDestroy {
  /** By host name, as last seen: those that the configuration dials, and so no more than it names. */
  readonly #certificates = new Map<string, number>();
  #unsubscribe: () => void = () => undefined;

  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly config: ConfigStore,
  ) {}

  onModuleInit(): void {
    this.#unsubscribe = certificateSeen.subscribe(({ hostname, expiresAt }) => {
      this.#certificates.set(hostname, expiresAt);
    });
    this.metrics.credentialExpiry.readFrom(() => [
      ...reading('key', this.#keys()),
      ...reading('certificate', this.#dialled()),
    ]);
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  #keys(): number[] {
    return this.config.current.keys.flatMap(({ expiresAt }) => expiresAt ?? []);
  }

  /** Of upstreams that the configuration still names; the others are forgotten. */
  #dialled(): number[] {
    const hosts = new Set<string>();
    for (const { baseUrl } of this.config.current.providers.values()) {
      if (baseUrl !== undefined) hosts.add(new URL(baseUrl).hostname);
    }
    for (const host of this.#certificates.keys()) if (!hosts.has(host)) this.#certificates.delete(host);
    return [...this.#certificates.values()];
  }
}

/** The earliest, in seconds; no reading where nothing expires. */
function reading(kind: string, expiries: readonly number[]): { labels: { kind: string }; value: number }[] {
  return expiries.length === 0 ? [] : [{ labels: { kind }, value: Math.min(...expiries) / 1000 }];
}
