import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import {
  attemptWasted,
  reservationsExpired,
  settlementLost,
  storeReplayed,
  type StoreRoundTripFact,
  storeRoundTrips,
} from '../kernel/channels.js';
import { type CounterChild, type HistogramChild } from './fast-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';

/** Counts what happens between the gateway and its quota store, and what attempts cost that nobody got an answer of. */
@Injectable()
export class QuotaMetrics implements OnModuleInit, OnModuleDestroy {
  readonly #latency = new Map<string, HistogramChild>();
  readonly #errors = new Map<string, CounterChild>();
  #unsubscribe: (() => void)[] = [];

  constructor(private readonly metrics: GatewayMetrics) {}

  onModuleInit(): void {
    const wasted = this.metrics.waste.child({});
    const wastedTokens = this.metrics.wasteTokens.child({});
    const expired = this.metrics.reservationsExpired.child({});
    const lost = this.metrics.settlementsLost.child({});
    const lostNanoUsd = this.metrics.settlementsLostNanoUsd.child({});
    const replays = this.metrics.storeReplays.child({});
    this.#unsubscribe = [
      attemptWasted.subscribe(({ tokens, nanoUsd }) => {
        wasted.add(nanoUsd);
        wastedTokens.add(tokens);
      }),
      reservationsExpired.subscribe(({ count }) => expired.add(count)),
      settlementLost.subscribe(({ nanoUsd }) => {
        lost.add();
        lostNanoUsd.add(nanoUsd);
      }),
      storeReplayed.subscribe(() => replays.add()),
      storeRoundTrips.subscribe((fact) => this.#count(fact)),
    ];
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #count({ operation, ms, failed }: StoreRoundTripFact): void {
    if (failed) {
      const errors = this.#errors.get(operation) ?? this.metrics.storeErrors.child({ operation });
      this.#errors.set(operation, errors);
      errors.add();
      return;
    }
    const latency = this.#latency.get(operation) ?? this.metrics.storeLatency.child({ operation });
    this.#latency.set(operation, latency);
    latency.observe(ms / 1000);
  }
}
