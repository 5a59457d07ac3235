import { type ChatRequest } from '../kernel/openai.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Target } from '../kernel/snapshot.js';
import { type AttemptBounds } from '../providers/attempt.js';

/** What a plain answer may take per token of its cap, on top of the first token, ms. */
const MS_PER_TOKEN = 100;
/** The cap that counts where none is known, tokens. */
const ASSUMED_TOKENS = 4_096;

/** The bounds of one attempt. */
export function attemptBounds(
  target: Target,
  ctx: RequestContext,
  request: ChatRequest,
  maxTokens: number | undefined,
): AttemptBounds {
  const { firstTokenMs, idleMs, totalMs } = target.provider.timeouts;
  const deadline = Math.min(ctx.deadline, ctx.receivedAt + totalMs);
  const tokens = maxTokens ?? request.maxTokens ?? ASSUMED_TOKENS;
  return { firstTokenMs, idleMs, answerMs: Math.min(totalMs, firstTokenMs + tokens * MS_PER_TOKEN), deadline };
}
