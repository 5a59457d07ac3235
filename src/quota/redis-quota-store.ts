import { reservationsExpired, type StoreRoundTripFact, storeRoundTrips } from '../kernel/channels.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import {
  type AcquireKind,
  exchangeCall,
  ExchangeReply,
  type Hold,
  levelOf,
  readExtension,
  readLevels,
  type Settled,
  type Wanted,
} from './exchange.js';
import { EXCHANGE_LUA } from './lua/exchange.lua.js';
import { EXTEND_LUA } from './lua/extend.lua.js';
import { AUDIT_LUA, HEARTBEAT_LUA, RENEW_LUA, SWEEP_LUA, USAGE_LUA } from './lua/upkeep.lua.js';
import { type QuotaStoreOptions } from './memory-quota-store.js';
import { Outbox } from './outbox.js';
import { impossible, planOf } from './quota-plan.js';
import {
  type AcquireRequest,
  type AcquireResult,
  type Admission,
  type Answer,
  type AuditReport,
  type QuotaUsage,
  type Reservation,
  type Settlement,
  type SettleStatus,
} from './quota-store.js';
import { mergeAudits } from './redis-audit.js';
import { type QuotaRedis, redisIdentity } from './redis-client.js';
import { GATEWAYS_KEY, keysOf, orgKeys } from './redis-keys.js';
import { RedisScript } from './redis-script.js';
import { type Heartbeat, type RemoteQuotaStore } from './remote-quota-store.js';
import { requireWhole } from './whole-amounts.js';

const SWEPT_AT_ONCE = 128;
const SETTLED_AT_ONCE = 64;
/** Each keeps Redis for some 50 µs, and others wait meanwhile. */
const ACQUIRED_AT_ONCE = 16;
const SETTLE_WITHIN_MS = 1;
/** A gateway that gave no sign for this long does not count. */
const SIGN_COUNTS_US = 15_000_000;

interface Promised<Value> {
  resolve(value: Value): void;
  reject(error: unknown): void;
}

type Outgoing = Settled & Promised<SettleStatus>;
type Asked = Wanted & Promised<AcquireResult>;

/**
 * The quota store that gateways share: every decision is made in a Lua script on the org's Redis, timed by Redis itself.
 * Acquires that begin in one turn of the event loop share a round trip, and settlements ride with the next one of their
 * org, which so sees them done. Promises reject when Redis fails.
 */
export class RedisQuotaStore implements RemoteQuotaStore {
  readonly leaseMs: number;
  readonly #exchange = new RedisScript(EXCHANGE_LUA);
  readonly #extend = new RedisScript(EXTEND_LUA);
  readonly #renew = new RedisScript(RENEW_LUA);
  readonly #sweep = new RedisScript(SWEEP_LUA);
  readonly #usage = new RedisScript(USAGE_LUA);
  readonly #audit = new RedisScript(AUDIT_LUA);
  readonly #heartbeat = new RedisScript(HEARTBEAT_LUA);
  readonly #settlements = new Outbox<Outgoing>();
  readonly #acquires = new Outbox<Asked>();
  readonly #hold: Hold;
  #flushing: Timer | undefined;
  #asking = false;
  #lastSignUs = 0;

  constructor(
    private readonly client: QuotaRedis,
    private readonly clock: Clock,
    /** Names this gateway among those that live. */
    private readonly gatewayId: string,
    options: QuotaStoreOptions,
  ) {
    this.leaseMs = options.leaseMs;
    this.#hold = { leaseUs: options.leaseMs * 1000, onExpiry: options.onLeaseExpiry === 'charge' ? 'c' : 'r' };
  }

  acquire(request: AcquireRequest): Answer<AcquireResult> {
    requireWhole(request.tokens, request.costNanoUsd);
    return this.#want(request, 'new', 0);
  }

  regain(reservation: Reservation): Answer<AcquireResult> {
    return this.#want(reservation, 'regain', 0);
  }

  /** Books a reservation again that a Redis lost, in the windows of its admission and unchecked. */
  restore(reservation: Reservation): Answer<AcquireResult> {
    return this.#want(reservation, 'restore', reservation.admittedAtUs);
  }

  async extend(reservation: Reservation): Promise<AcquireResult> {
    requireWhole(reservation.tokens, reservation.costNanoUsd);
    const plan = planOf(reservation.principal);
    if (plan.unlimited) return admitUnlimited(reservation, reservation.admittedAtUs);
    const keys = keysOf(plan);
    const { id, tokens, costNanoUsd } = reservation;
    const budgets = plan.budgets.flatMap(({ account, lengthUs, budget }) => [account, lengthUs, budget.limitNanoUsd]);
    const args = [id, tokens, costNanoUsd, plan.tokensPerMinute, ...budgets];
    const reply = await this.#timed('extend', this.#extend.run(this.client, [...keys.org, keys.tokens], args));
    return readExtension(reply as number[], reservation, plan);
  }

  settle(settlement: Settlement): Answer<SettleStatus> {
    requireWhole(settlement.tokens, settlement.costNanoUsd);
    const plan = planOf(settlement.reservation.principal);
    if (plan.unlimited) return 'settled';
    this.#flushing ??= this.clock.after(SETTLE_WITHIN_MS, () => this.#flush());
    return new Promise((resolve, reject) => {
      this.#settlements.add({ plan, settlement, resolve, reject });
    });
  }

  release(reservation: Reservation): Answer<SettleStatus> {
    return this.settle({ reservation, costNanoUsd: 0, tokens: 0 });
  }

  async renew(principal: Principal, ids: readonly string[]): Promise<readonly string[]> {
    const plan = planOf(principal);
    if (plan.unlimited || ids.length === 0) return [];
    const keys = keysOf(plan);
    const args = [this.#hold.leaseUs, plan.concurrency > 0 ? 1 : 0, ...ids];
    const run = this.#renew.run(this.client, [...keys.org, keys.slots], args);
    return (await this.#timed('renew', run)) as string[];
  }

  async usage(principal: Principal): Promise<QuotaUsage> {
    const plan = planOf(principal);
    const { org, requests, tokens, slots } = keysOf(plan);
    const args = [plan.periodUs, plan.burst, plan.tokensPerMinute];
    const accounts = plan.budgets.flatMap(({ account, lengthUs }) => [account, lengthUs]);
    const run = this.#usage.run(this.client, [...org, requests, tokens, slots], [...args, ...accounts]);
    const reply = (await this.#timed('usage', run)) as number[];
    return {
      levels: readLevels(plan, reply, 0),
      concurrent: reply[4] ?? 0,
      budgets: plan.budgets.map(({ budget }, place) => levelOf(budget, reply.slice(5 + 3 * place))),
    };
  }

  async sweep(orgs: readonly string[]): Promise<number> {
    const swept = orgs.map((org) => this.#sweepOrg(orgKeys(encodeURIComponent(org))));
    return (await Promise.all(swept)).reduce((sum, count) => sum + count, 0);
  }

  async audit(orgs: readonly string[]): Promise<AuditReport> {
    const replies = orgs.map(async (org) => {
      const reply = await this.#timed('audit', this.#audit.run(this.client, orgKeys(encodeURIComponent(org)), []));
      return { org, reply: reply as (string | number)[] };
    });
    return mergeAudits(await Promise.all(replies));
  }

  /** Signs as living, and tells how many live and whether the data are still those of the last time. */
  async heartbeat(): Promise<Heartbeat> {
    const { identity, reply } = await this.#timed('heartbeat', this.#sign());
    const [gateways = 1, lastUs = 0, signUs = 0] = reply;
    const expired = signUs - this.#lastSignUs > SIGN_COUNTS_US;
    const lostWrites = this.#lastSignUs > 0 && !expired && lastUs !== this.#lastSignUs;
    this.#lastSignUs = signUs;
    return { gateways, identity, lostWrites };
  }

  async #sign(): Promise<{ identity: string; reply: number[] }> {
    const identity = await redisIdentity(this.client);
    const reply = await this.#heartbeat.run(this.client, [GATEWAYS_KEY], [this.gatewayId, SIGN_COUNTS_US]);
    return { identity, reply: reply as number[] };
  }

  /** Sends what waits, then leaves. The client stays its owner's. */
  async close(): Promise<void> {
    this.#flushing?.cancel();
    await Promise.all([...this.#sendAsked(), ...this.#sendSettlements()]);
  }

  #want(request: AcquireRequest, kind: AcquireKind, admittedAtUs: number): Answer<AcquireResult> {
    const plan = planOf(request.principal);
    if (plan.unlimited) return admitUnlimited(request, this.clock.wall() * 1000);
    const never = kind === 'new' && impossible(plan, request, this.clock.wall() * 1000);
    if (never) return never;
    return this.#ask({ request, plan, kind, admittedAtUs });
  }

  #ask(wanted: Wanted): Promise<AcquireResult> {
    if (!this.#asking) {
      this.#asking = true;
      void this.clock.turn().then(() => this.#sendAsked());
    }
    return new Promise((resolve, reject) => {
      const { request, plan, kind, admittedAtUs } = wanted;
      this.#acquires.add({ request, plan, kind, admittedAtUs, resolve, reject });
    });
  }

  #sendAsked(): Promise<void>[] {
    this.#asking = false;
    const sent: Promise<void>[] = [];
    for (const org of this.#acquires.orgs) {
      while (this.#acquires.has(org)) {
        sent.push(this.#send(this.#settlements.take(org, SETTLED_AT_ONCE), this.#acquires.take(org, ACQUIRED_AT_ONCE)));
      }
    }
    return sent;
  }

  #flush(): void {
    this.#flushing = undefined;
    void Promise.all(this.#sendSettlements());
  }

  #sendSettlements(): Promise<void>[] {
    const sent: Promise<void>[] = [];
    for (const org of this.#settlements.orgs) {
      while (this.#settlements.has(org)) sent.push(this.#send(this.#settlements.take(org, SETTLED_AT_ONCE), []));
    }
    return sent;
  }

  /** Never rejects: each operation's own promise tells its failure. */
  async #send(settlements: readonly Outgoing[], acquires: readonly Asked[]): Promise<void> {
    try {
      const { keys, args } = exchangeCall(settlements, acquires, this.#hold);
      const run = this.#exchange.run(this.client, keys, args);
      const answer = await this.#timed(acquires.length > 0 ? 'acquire' : 'settle', run);
      const reply = new ExchangeReply(answer, settlements.length);
      if (reply.expired > 0) reservationsExpired.publish({ count: reply.expired });
      settlements.forEach((outgoing, nth) => outgoing.resolve(reply.status(nth)));
      acquires.forEach((asked, nth) => asked.resolve(reply.result(nth, asked)));
    } catch (error) {
      for (const operation of [...settlements, ...acquires]) operation.reject(error);
    }
  }

  /** Without a listener: the promise itself. */
  #timed<Reply>(operation: StoreRoundTripFact['operation'], run: Promise<Reply>): Promise<Reply> {
    return storeRoundTrips.heard ? this.#measured(operation, run) : run;
  }

  async #measured<Reply>(operation: StoreRoundTripFact['operation'], run: Promise<Reply>): Promise<Reply> {
    const from = this.clock.now();
    let failed = true;
    try {
      const reply = await run;
      failed = false;
      return reply;
    } finally {
      storeRoundTrips.publish({ operation, ms: this.clock.now() - from, failed });
    }
  }

  async #sweepOrg(keys: readonly string[]): Promise<number> {
    let swept = 0;
    for (;;) {
      const count = (await this.#timed('sweep', this.#sweep.run(this.client, keys, [SWEPT_AT_ONCE]))) as number;
      swept += count;
      if (count > 0) reservationsExpired.publish({ count });
      if (count < SWEPT_AT_ONCE) return swept;
    }
  }
}

function admitUnlimited(request: AcquireRequest, nowUs: number): Admission {
  const { id, principal, tokens, costNanoUsd } = request;
  const reservation = { id, principal, tokens, costNanoUsd, admittedAtUs: nowUs, heldBy: 'store' } as const;
  return { admitted: true, reservation, repeated: false, levels: { requests: undefined, tokens: undefined } };
}
