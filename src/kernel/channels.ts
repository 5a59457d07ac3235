import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type AttemptRecord, type RequestContext } from './request-context.js';
import { type ErrorCode } from './gateway-error.js';
import { type Priority, type Target } from './snapshot.js';

/** One kind of fact, published where it happens and heard by whoever counts, logs or draws it. */
export interface Channel<Fact> {
  /** Free when nobody listens: check it before building a costly fact. */
  readonly heard: boolean;
  publish(fact: Fact): void;
  /** Returns the call that ends the subscription. */
  subscribe(listener: (fact: Fact) => void): () => void;
}

/** A typed channel under the process-wide name `gateway:<name>`. */
export function typedChannel<Fact>(name: string): Channel<Fact> {
  const fullName = `gateway:${name}`;
  const raw = channel(fullName);
  return {
    get heard() {
      return raw.hasSubscribers;
    },
    publish: (fact) => {
      if (raw.hasSubscribers) raw.publish(fact);
    },
    subscribe: (listener) => {
      const heard = (fact: unknown): void => {
        listener(fact as Fact);
      };
      subscribe(fullName, heard);
      return () => {
        unsubscribe(fullName, heard);
      };
    },
  };
}

/** An attempt ended. */
export interface AttemptFact {
  readonly ctx: RequestContext;
  readonly attempt: AttemptRecord;
}

export const attemptEnded = typedChannel<AttemptFact>('attempt');
/** An attempt begins: what its request carries upstream can still be changed. Each ends with `attemptEnded`. */
export const attemptStarted = typedChannel<AttemptFact>('attempt-started');
/** A request ended: its outcome, charge and times are final. */
export const requestEnded = typedChannel<RequestContext>('request');
/** A chat request was admitted past the door: every one of them ends with `requestEnded`. */
export const requestOpened = typedChannel<RequestContext>('request-opened');

/** A chat request was turned away at the door, before it had a context. */
export interface RefusalFact {
  readonly code: ErrorCode;
  readonly status: number;
  /** The key's, or `default` where no key was found. */
  readonly priority: Priority;
}

export const requestRefused = typedChannel<RefusalFact>('refusal');

/** A request was refused to protect the gateway or an upstream. */
export interface ShedFact {
  readonly reason: 'level' | 'queue_full' | 'queue_timeout' | 'evicted' | 'in_flight' | 'draining';
  readonly priority: Priority;
}

export const requestShed = typedChannel<ShedFact>('shed');

/** A breaker changed its state. */
export interface BreakerFact {
  readonly target: Target;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  /** How long it stays open, ms; 0 where it does not open. */
  readonly openMs: number;
}

export const breakerTransitions = typedChannel<BreakerFact>('breaker');

/** How a second attempt that was wanted early ended: it answered, the first one did, it failed, or it was not started. */
export type HedgeOutcome = 'won' | 'lost' | 'failed' | 'denied';

/** A hedge ended, or was denied. */
export interface HedgeFact {
  readonly outcome: HedgeOutcome;
}

export const hedgeEnded = typedChannel<HedgeFact>('hedge');

/** The level of shedding changed: 0 is normal, 4 refuses all but health. */
export interface LoadFact {
  readonly from: number;
  readonly to: number;
  /** The signals that hold the new level up. */
  readonly causes: readonly string[];
}

export const loadLevels = typedChannel<LoadFact>('load');

/** A content rule acted: where and what it did, never the text. */
export interface GuardrailFact {
  readonly ctx: RequestContext;
  readonly ruleId: string;
  readonly action: string;
  readonly direction: 'input' | 'output';
  readonly field: string;
  readonly offset: number;
}

export const guardrailHits = typedChannel<GuardrailFact>('guardrail');

/** A provider that had been idle was asked for one token, or for as many as it has models. */
export interface WarmUpFact {
  readonly provider: string;
  /** It answered. */
  readonly ok: boolean;
}

export const providerWarmed = typedChannel<WarmUpFact>('warm-up');

/** A connection was one too many of its address. */
export interface ConnectionFact {
  readonly address: string;
}

export const connectionRefused = typedChannel<ConnectionFact>('connection-refused');

/** A caller without a valid key was turned away. */
export interface AuthenticationFact {
  readonly address: string;
}

export const authenticationFailed = typedChannel<AuthenticationFact>('authentication');

/** An upstream showed its certificate when a connection to it was made. */
export interface CertificateFact {
  readonly hostname: string;
  /** Wall clock ms. */
  readonly expiresAt: number;
}

export const certificateSeen = typedChannel<CertificateFact>('certificate');

/** A reservation was too small: more was charged than was held. */
export interface OverrunFact {
  readonly nanoUsd: number;
}

export const overrunCharged = typedChannel<OverrunFact>('overrun');

/** An attempt ended whose answer nobody gets: what its upstream may bill all the same. */
export interface WasteFact {
  readonly tokens: number;
  readonly nanoUsd: number;
}

export const attemptWasted = typedChannel<WasteFact>('attempt-wasted');

/** The shared quota store answered, or did not. */
export interface StoreRoundTripFact {
  readonly operation: 'acquire' | 'extend' | 'settle' | 'renew' | 'sweep' | 'usage' | 'audit' | 'heartbeat';
  readonly ms: number;
  readonly failed: boolean;
}

export const storeRoundTrips = typedChannel<StoreRoundTripFact>('store-round-trip');

/** Leases ended unsettled. */
export interface ExpiryFact {
  readonly count: number;
}

export const reservationsExpired = typedChannel<ExpiryFact>('reservations-expired');

/** A settlement found no room in the journal: the store will never know of it. */
export interface SettlementLossFact {
  readonly nanoUsd: number;
}

export const settlementLost = typedChannel<SettlementLossFact>('settlement-lost');

/** The shared quota store had lost data, and was told again. */
export interface StoreReplayFact {
  readonly reservations: number;
  readonly settlements: number;
}

export const storeReplayed = typedChannel<StoreReplayFact>('store-replayed');

/** The accounts were recomputed. */
export interface QuotaAuditFact {
  /** Largest difference between an account and the sums that it must equal. */
  readonly differenceNanoUsd: number;
}

export const quotaAudited = typedChannel<QuotaAuditFact>('quota-audit');

/** The quota store refused a request. */
export interface QuotaRefusalFact {
  readonly reason: string;
}

export const quotaRefused = typedChannel<QuotaRefusalFact>('quota-refusal');
