import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { contextOf, requestOf } from '../http/context-slot.js';
import { guardrailHits } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { ChatRequest } from '../kernel/openai.js';
import { JsonDocument } from '../kernel/json-document.js';
import { type RequestContext } from '../kernel/request-context.js';
import { CLOCK } from '../kernel/tokens.js';
import { outputCap } from './output-cap.js';
import { checkInput } from './input-limits.js';
import { scanPrompt } from './prompt-scan.js';
import { type Rule } from './rule.js';
import { RuleSets } from './rule-sets.js';

/** A token is seldom shorter than this many bytes of a request's body, which holds more than text. */
const BYTES_PER_TOKEN = 4;

/** What a prompt may hold: sizes, counts, and the rules of the configuration. */
@Injectable()
export class PromptGuard implements CanActivate {
  constructor(
    private readonly rules: RuleSets,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws GatewayError invalid_value, context_length_exceeded, content_filter; bad_request where the caller has left */
  canActivate(execution: ExecutionContext): true | Promise<true> {
    const ctx = contextOf(requestOf(execution));
    const request = ctx.request;
    if (!request) return true;
    const error = checkSize(ctx, request);
    if (error) throw error;
    if (ctx.model) ctx.outputCap = outputCap(ctx, request, ctx.model);
    if (ctx.degradedMaxTokens !== undefined && ctx.outputCap === ctx.degradedMaxTokens) {
      ctx.answerHeaders.set('x-gateway-degraded', 'max_tokens');
    }
    const { input } = this.rules.of(ctx.snapshot);
    return input.length === 0 ? true : this.#scan(ctx, request, input);
  }

  async #scan(ctx: RequestContext, request: ChatRequest, rules: readonly Rule[]): Promise<true> {
    const report = (hit: {
      ruleId: string;
      action: string;
      direction: 'input' | 'output';
      field: string;
      offset: number;
    }) => {
      guardrailHits.publish({ ctx, ...hit });
    };
    const { error, messages } = await scanPrompt(request.body.messages, rules, report, () => this.clock.turn());
    if (error) throw error;
    // The bytes of its request are gone with it.
    if (ctx.closed) throw new GatewayError('bad_request', { message: 'The caller has left.' });
    if (messages) ctx.request = withMessages(request, messages, ctx.snapshot.guardrails.input.maxDepth);
    return true;
  }
}

/** What is too large or too many about a request, where anything is. */
export function checkSize(ctx: RequestContext, request: ChatRequest): GatewayError | undefined {
  const bytes = request.document.size;
  const settings = ctx.snapshot.guardrails.input;
  // Each string is measured only where one can be too long: that takes the whole body.
  const mayBeTooLong = request.document.longestTextBytes > settings.maxStringBytes;
  return checkInput(mayBeTooLong ? request.body : request.outline, {
    settings,
    bytes,
    // A cap above the key's is lowered, not refused: see outputCap.
    maxTokensPerRequest: undefined,
    contextTokens: largestWindow(ctx),
    promptTokens: Math.floor(bytes / BYTES_PER_TOKEN),
  });
}

/** The window that the largest of the model's targets has; undefined where one is unknown. */
function largestWindow({ model }: RequestContext): number | undefined {
  let largest = 0;
  for (const { contextTokens } of model?.targets ?? []) {
    if (contextTokens === undefined) return undefined;
    largest = Math.max(largest, contextTokens);
  }
  return largest;
}

/** The same request with other messages, in its bytes, too. */
function withMessages(request: ChatRequest, messages: readonly unknown[], maxDepth: number): ChatRequest {
  const bytes = request.document.with(new Map([['messages', JSON.stringify(messages)]]));
  const body = { ...request.body, messages } as typeof request.body;
  return new ChatRequest(body, JsonDocument.scan(bytes, maxDepth));
}
