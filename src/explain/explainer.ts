import { Inject, Injectable } from '@nestjs/common';
import { findModel } from '../auth/model-access.js';
import { parseNoFailover, parseProviderPriority } from '../auth/provider-priority.js';
import { ConfigStore } from '../config/config-store.js';
import { outputCap } from '../guardrails/output-cap.js';
import { checkSize } from '../guardrails/prompt.guard.js';
import { scanPrompt } from '../guardrails/prompt-scan.js';
import { RuleSets } from '../guardrails/rule-sets.js';
import { parseChatRequest } from '../http/json-body.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type ChatRequest, chatRequestSchema } from '../kernel/openai.js';
import { RequestContext } from '../kernel/request-context.js';
import { type Model, type Principal, type Snapshot, type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { RoutePlanner } from '../planning/route-planner.js';
import { boundsOf, isLimited, worstPrice } from '../quota/quota.guard.js';
import { QUOTA_STORE } from '../quota/quota.tokens.js';
import { type QuotaStore, type QuotaUsage } from '../quota/quota-store.js';
import { requestTimeoutMs } from '../resilience/deadline.js';
import { DrainState } from '../resilience/drain-state.js';
import { LoadShedding } from '../resilience/load-shedding.js';
import { Overrides } from '../resilience/overrides.js';
import { effectivePriority } from '../resilience/priority.js';
import { noRoom, overloaded } from '../resilience/queue-wait.js';
import { sheds } from '../resilience/shedding-level.js';
import { TargetStates } from '../resilience/target-states.js';
import { Router } from '../routing/router.js';
import { type Candidate, candidatesOf } from './candidate.js';
import {
  type Estimate,
  type ExplainedPrincipal,
  type ExplainedQuota,
  type Explanation,
  type Question,
  type Step,
  type Verdict,
} from './explanation.js';
import { quotaForecast } from './quota-forecast.js';

const TOTAL_MS = 600_000;

/** What the walk has found so far. */
interface Findings {
  step: Step;
  timeoutMs: number | null;
  estimate: Estimate | null;
  quota: ExplainedQuota | null;
  plan: readonly Target[];
}

/**
 * Walks a request through every step that would decide on it, and takes nothing on the way: no reservation, no slot,
 * no probe, no count, no turn of the weighted choice.
 */
@Injectable()
export class Explainer {
  /** One of its own: the router that serves must not move on for a question. */
  readonly #router: Router;

  constructor(
    private readonly config: ConfigStore,
    private readonly rules: RuleSets,
    private readonly states: TargetStates,
    private readonly overrides: Overrides,
    private readonly planner: RoutePlanner,
    private readonly drain: DrainState,
    private readonly load: LoadShedding,
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#router = new Router(clock);
  }

  /** @throws GatewayError invalid_value for a key that there is not, or none where anonymous access is off */
  async explain(question: Question): Promise<Explanation> {
    const snapshot = this.config.current;
    const principal = principalOf(snapshot, question.keyId);
    const now = this.clock.now();
    const ctx = new RequestContext('', '', now, now + TOTAL_MS, snapshot, principal, undefined);
    ctx.priority = effectivePriority(principal.priority, question.headers['x-priority']);
    const findings: Findings = { step: 'door', timeoutMs: null, estimate: null, quota: null, plan: [] };
    let refusal: GatewayError | undefined;
    try {
      await this.#walk(ctx, question, findings);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      refusal = error;
    }
    const candidates = this.candidates(ctx, findings.plan);
    return {
      verdict: refusal ? refused(findings.step, refusal) : this.#verdictOn(candidates, snapshot),
      principal: shownPrincipal(principal),
      priority: ctx.priority,
      timeoutMs: findings.timeoutMs,
      model: ctx.model ? shownModel(ctx.model) : null,
      pins: ctx.pins,
      noFailover: ctx.noFailover,
      estimate: findings.estimate,
      quota: findings.quota,
      plan: findings.plan.map(({ id }) => id),
      candidates,
      configVersion: snapshot.version,
    };
  }

  /** How the targets of a request's model stand now; none where it has no model. */
  candidates(ctx: RequestContext, plan: readonly Target[]): Candidate[] {
    if (!ctx.model) return [];
    const { principal, pins, noFailover, snapshot } = ctx;
    const byWeight = snapshot.routing.strategy === 'weighted';
    const route = { principal, pins, noFailover, plan, byWeight };
    return candidatesOf(ctx.model.targets, route, (target) => this.states.of(target), this.overrides);
  }

  async #walk(ctx: RequestContext, question: Question, findings: Findings): Promise<void> {
    this.#door(ctx);
    findings.timeoutMs = timeoutOf(question);
    findings.step = 'body';
    const request = readRequest(question.request, ctx.snapshot);
    ctx.request = request;
    findings.step = 'rights';
    const model = findModel(ctx.snapshot, ctx.principal, request.model);
    ctx.model = model;
    ctx.pins = parseProviderPriority(question.headers['x-provider-priority'], ctx.snapshot, ctx.principal);
    ctx.noFailover = parseNoFailover(question.headers['x-no-failover']);
    findings.step = 'guardrails';
    await this.#content(ctx, request);
    ctx.outputCap = outputCap(ctx, request, model);
    findings.step = 'quota';
    await this.#quota(ctx, request, model, findings);
    findings.step = 'plan';
    findings.plan = this.planner.plan(this.#router, ctx, model, findings.estimate?.promptTokens ?? 0);
    findings.step = 'targets';
  }

  /** What the door would say, without counting it. */
  #door({ priority }: RequestContext): void {
    if (this.drain.refusing) throw new GatewayError('shutting_down');
    const [cause] = this.load.causes;
    if (sheds(this.load.level, priority)) throw overloaded(cause ?? 'load', this.clock);
  }

  async #content(ctx: RequestContext, request: ChatRequest): Promise<void> {
    const tooMuch = checkSize(ctx, request);
    if (tooMuch) throw tooMuch;
    const { input } = this.rules.of(ctx.snapshot);
    const unheard = (): void => undefined;
    const { error } = await scanPrompt(request.body.messages, input, unheard, () => this.clock.turn());
    if (error) throw error;
  }

  async #quota(ctx: RequestContext, request: ChatRequest, model: Model, findings: Findings): Promise<void> {
    const bounds = boundsOf(ctx, request, model);
    const bodyBytes = request.document.size;
    const costNanoUsd = worstPrice(ctx, model, bounds);
    findings.estimate = { bodyBytes, ...bounds, costNanoUsd };
    if (!isLimited(ctx)) return;
    const usage = await this.#usage(ctx.principal);
    findings.quota = { ...usage.levels, concurrent: usage.concurrent, budgets: usage.budgets };
    const tokens = bounds.promptTokens + bounds.outputTokens;
    const refusal = quotaForecast({ principal: ctx.principal, tokens, costNanoUsd }, usage, this.clock);
    if (refusal) throw refusal;
  }

  async #usage(principal: Principal): Promise<QuotaUsage> {
    try {
      return await this.store.usage(principal);
    } catch (error) {
      throw new GatewayError('quota_backend_unavailable', { cause: error });
    }
  }

  /** What the attempts would begin with: a usable target, a queue, or nothing. */
  #verdictOn(candidates: readonly Candidate[], { resilience }: Snapshot): Verdict {
    const planned = candidates.filter(({ place }) => place !== null);
    if (planned.some(({ eligible }) => eligible)) return { outcome: 'ok' };
    const full = planned.some(({ excludedBy }) => excludedBy.every((reason) => reason === 'limiter_full'));
    if (!full) return refused('targets', new GatewayError('no_provider_available'));
    return resilience.queue.enabled ? { outcome: 'queue' } : refused('targets', noRoom('disabled', this.clock));
  }
}

function principalOf({ keys, anonymous }: Snapshot, keyId: string | undefined): Principal {
  const found = keyId === undefined ? anonymous : keys.find(({ principal }) => principal.keyId === keyId)?.principal;
  if (found) return found;
  const message = keyId === undefined ? 'Anonymous access is off: name a key.' : 'There is no such key.';
  throw new GatewayError('invalid_value', { message, param: 'keyId' });
}

function timeoutOf({ headers }: Question): number {
  return requestTimeoutMs(TOTAL_MS, headers['x-request-timeout-ms'], headers['x-stainless-timeout']);
}

function readRequest(body: object, { limits, guardrails }: Snapshot): ChatRequest {
  const bytes = Buffer.from(JSON.stringify(body));
  const limit = Math.min(limits.bodyBytes, guardrails.input.maxBytes);
  if (bytes.length > limit) throw new GatewayError('request_too_large');
  const request = parseChatRequest(bytes, guardrails.input.maxDepth);
  const [issue] = chatRequestSchema.safeParse(request.body).error?.issues ?? [];
  if (!issue) return request;
  const param = issue.path.map(String).join('.');
  throw new GatewayError('invalid_value', { message: `${issue.message}.`, ...(param !== '' && { param }) });
}

function refused(step: Step, error: GatewayError): Verdict {
  return { outcome: 'refused', step, status: error.status, error: error.toObject() };
}

function shownPrincipal(principal: Principal): ExplainedPrincipal {
  const { keyId, org, team, user, role, priority, models, providers, limits, budgets } = principal;
  return { keyId, org, team, user, role, priority, models, providers, limits, budgets };
}

function shownModel({ name, reasoning, contextTokens, maxOutputTokens }: Model): Explanation['model'] {
  return { name, reasoning, contextTokens, maxOutputTokens };
}
