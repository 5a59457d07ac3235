import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type ConfigReload, ConfigStore, configReloads } from '../config/config-store.js';
import {
  authenticationFailed,
  type BreakerFact,
  breakerTransitions,
  connectionRefused,
  guardrailHits,
  hedgeEnded,
  overrunCharged,
  providerWarmed,
  quotaAudited,
  type RefusalFact,
  quotaRefused,
  requestRefused,
  requestShed,
} from '../kernel/channels.js';
import { type CounterChild, type FastCounter, kept } from './fast-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { classOfRefusal } from './request-class.js';

const HASH_DIGITS = 12;

/** The quota store's reasons under the names that the documented label has; the others are the same. */
const REFUSALS: Readonly<Record<string, string>> = {
  tooManyTokens: 'too_large',
  budgetSpent: 'budget',
  budgetReserved: 'budget_reserved',
  closed: 'store_unavailable',
  unavailable: 'store_unavailable',
};

/** Counts what happens seldom: reloads, refusals of keys, breakers. */
@Injectable()
export class FactMetrics implements OnModuleInit, OnModuleDestroy {
  readonly #children = new Map<FastCounter, Map<string, CounterChild>>();
  #unsubscribe: (() => void)[] = [];
  #valid = true;
  #auditDifference: number | undefined;

  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly config: ConfigStore,
  ) {}

  onModuleInit(): void {
    const { metrics } = this;
    const authFailures = metrics.authFailures.child({});
    const overrun = metrics.budgetOverrun.child({});
    metrics.configValid.readFrom(() => [{ labels: {}, value: Number(this.#valid) }]);
    metrics.configHash.readFrom(() => [{ labels: {}, value: hashNumber(this.config.current.version) }]);
    metrics.auditDifference.readFrom(() => reading(this.#auditDifference));
    this.#unsubscribe = [
      quotaAudited.subscribe(({ differenceNanoUsd }) => {
        this.#auditDifference = differenceNanoUsd;
      }),
      authenticationFailed.subscribe(() => {
        authFailures.add();
      }),
      overrunCharged.subscribe(({ nanoUsd }) => {
        overrun.add(nanoUsd);
      }),
      connectionRefused.subscribe(() => {
        this.#count(metrics.connectionsRefused, {});
      }),
      providerWarmed.subscribe(({ provider, ok }) => {
        this.#count(metrics.warmUps, { provider, outcome: ok ? 'answered' : 'failed' });
      }),
      hedgeEnded.subscribe(({ outcome }) => {
        this.#count(metrics.hedges, { outcome });
      }),
      quotaRefused.subscribe(({ reason }) => {
        this.#count(metrics.quotaRefusals, { reason: REFUSALS[reason] ?? reason });
      }),
      guardrailHits.subscribe(({ direction, ruleId, action }) => {
        this.#count(metrics.guardrailBlocks, { direction, rule_id: ruleId, action });
      }),
      breakerTransitions.subscribe((fact) => {
        this.#count(metrics.breakerTransitions, transitionLabels(fact));
      }),
      requestShed.subscribe(({ reason, priority }) => {
        this.#count(metrics.shed, { reason, band: priority });
      }),
      requestRefused.subscribe((refusal) => {
        this.#count(metrics.requests, refusalLabels(refusal));
      }),
      configReloads.subscribe((reload) => {
        this.#countReload(reload);
      }),
    ];
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #countReload({ result }: ConfigReload): void {
    this.#valid = result !== 'rejected';
    this.#count(this.metrics.configReloads, { result });
  }

  #count(metric: FastCounter, labels: Readonly<Record<string, string>>): void {
    const children = kept(this.#children, metric, () => new Map<string, CounterChild>());
    kept(children, Object.values(labels).join(' '), () => metric.child(labels)).add();
  }
}

/** A gauge without labels; absent while nothing is known. */
function reading(value: number | undefined): { labels: object; value: number }[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

/** Of a request that was turned away at the door: neither its model nor its form is known. */
function refusalLabels({ code, status, priority }: RefusalFact): Record<string, string> {
  return {
    model: 'other',
    code,
    stream: 'false',
    status_class: `${Math.floor(status / 100)}xx`,
    band: priority,
    slo: classOfRefusal(status, code, priority),
    injected: 'false',
  };
}

function transitionLabels({ target, from, to, reason }: BreakerFact): Record<string, string> {
  return {
    provider: target.provider.name,
    model: target.model,
    from: snakeCase(from),
    to: snakeCase(to),
    reason: reason === 'openElapsed' ? 'open_time_over' : snakeCase(reason),
  };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** As many bits of a hexadecimal digest as a float holds exactly. */
function hashNumber(version: string): number {
  return Number.parseInt(version.slice(0, HASH_DIGITS), 16);
}
