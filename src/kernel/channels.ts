import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type AttemptRecord, type RequestContext } from './request-context.js';
import { type Target } from './snapshot.js';

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

/** A caller without a valid key was turned away. */
export interface AuthenticationFact {
  readonly address: string;
}

export const authenticationFailed = typedChannel<AuthenticationFact>('authentication');

/** A reservation was too small: more was charged than was held. */
export interface OverrunFact {
  readonly nanoUsd: number;
}

export const overrunCharged = typedChannel<OverrunFact>('overrun');

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
