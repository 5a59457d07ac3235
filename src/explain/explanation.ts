import { type ErrorObject } from '../kernel/gateway-error.js';
import { type Budget, type KeyLimits, type Priority, type Principal } from '../kernel/snapshot.js';
import { type QuotaUsage } from '../quota/quota-store.js';
import { type Candidate } from './candidate.js';

/** The steps of a request, in their order; a refusal names the one that gave it. */
export type Step = 'door' | 'body' | 'rights' | 'guardrails' | 'quota' | 'plan' | 'targets';

/** The question: a chat request as somebody would send it. */
export interface Question {
  /** The body of a chat request. */
  readonly request: object;
  /** Whose request; absent: the anonymous caller's. */
  readonly keyId?: string | undefined;
  /** Lower-case names. Read: x-priority, x-provider-priority, x-no-failover, x-request-timeout-ms, x-stainless-timeout. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What would happen to a request now. Times in ms, money in nano-USD; null where a step was not reached. */
export interface Explanation {
  readonly verdict: Verdict;
  readonly principal: ExplainedPrincipal;
  /** The band that counts: the key's, or what `x-priority` lowers it to. */
  readonly priority: Priority;
  /** The time that the request may take in all. */
  readonly timeoutMs: number | null;
  readonly model: ExplainedModel | null;
  readonly pins: readonly string[];
  readonly noFailover: boolean;
  readonly estimate: Estimate | null;
  readonly quota: ExplainedQuota | null;
  /** Ids of targets in the order of one plan; the first of each tier is drawn by weight, anew for each request. */
  readonly plan: readonly string[];
  /** Every target of the model, in the file's order. */
  readonly candidates: readonly Candidate[];
  /** The configuration that this rests on. */
  readonly configVersion: string;
}

/** `ok`, or the answer that the caller would get. `queue`: it would wait first, for every usable target is full. */
export type Verdict =
  | { readonly outcome: 'ok' | 'queue' }
  | { readonly outcome: 'refused'; readonly step: Step; readonly status: number; readonly error: ErrorObject };

/** The key without what proves it. */
export type ExplainedPrincipal = Pick<
  Principal,
  'keyId' | 'org' | 'team' | 'user' | 'role' | 'priority' | 'models' | 'providers'
> & { readonly limits: KeyLimits; readonly budgets: readonly Budget[] };

export interface ExplainedModel {
  readonly name: string;
  readonly reasoning: boolean;
  readonly contextTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
}

/** What the request would reserve: upper bounds. */
export interface Estimate {
  readonly bodyBytes: number;
  readonly promptTokens: number;
  /** Of all choices together. */
  readonly outputTokens: number;
  /** On the dearest target; 0 where one has no price. */
  readonly costNanoUsd: number;
}

export type ExplainedQuota = Pick<QuotaUsage, 'concurrent' | 'budgets'> & QuotaUsage['levels'];
