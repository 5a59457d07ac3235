import { type ChatRequest, type ChatRequestBody } from '../../kernel/openai.js';
import { type Target } from '../../kernel/snapshot.js';
import { type EncodeOptions } from '../../kernel/upstream.js';
import { toConversation } from './anthropic-messages.js';
import { toToolMembers } from './anthropic-tools.js';
import { DroppedParams } from './dropped-params.js';

/** The API demands a cap; this one fits every model that it serves. */
const DEFAULT_MAX_TOKENS = 4096;

/** Members that are translated, or that only say how the gateway shall answer. */
const TAKEN: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'max_tokens',
  'max_completion_tokens',
  'stream',
  'stream_options',
  'tools',
  'functions',
  'tool_choice',
  'function_call',
  'parallel_tool_calls',
  'temperature',
  'top_p',
  'stop',
  'user',
  'safety_identifier',
  'response_format',
]);

/** Values that ask for what happens anyway: nothing is lost where they are left out. */
const NEUTRAL: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['n', 1],
  ['logprobs', false],
  ['top_logprobs', 0],
  ['frequency_penalty', 0],
  ['presence_penalty', 0],
  ['store', false],
  ['service_tier', 'auto'],
]);

export interface EncodedRequest {
  readonly body: Readonly<Record<string, unknown>>;
  readonly droppedParams: readonly string[];
}

/** An OpenAI request in the words of the Messages API; what has no words there is named. */
export function toMessagesRequest(request: ChatRequest, target: Target, options: EncodeOptions): EncodedRequest {
  const dropped = new DroppedParams();
  const { body } = request;
  for (const name of Object.keys(body)) {
    const value = body[name];
    if (!TAKEN.has(name) && value != null && value !== NEUTRAL.get(name)) dropped.add(name);
  }
  const { system, turns } = toConversation(body.messages, dropped);
  const user = body.safety_identifier ?? body.user;
  const encoded = {
    model: target.model,
    max_tokens: options.maxTokens ?? request.maxTokens ?? target.maxOutputTokens ?? DEFAULT_MAX_TOKENS,
    ...(system !== undefined && { system }),
    messages: turns,
    ...toToolMembers(body, dropped),
    ...sampling(body, dropped),
    ...stopSequences(body, dropped),
    ...outputFormat(body, dropped),
    ...(user != null && { metadata: { user_id: user } }),
    ...(options.stream && { stream: true }),
  };
  return { body: encoded, droppedParams: dropped.list() };
}

/** Temperature ends at 1 here, and newer models refuse it together with top_p: temperature, the plainer wish, wins. */
function sampling({ temperature, top_p: topP }: ChatRequestBody, dropped: DroppedParams): Record<string, number> {
  if (temperature == null) return topP == null ? {} : { top_p: topP };
  if (topP != null && topP !== 1) dropped.add('top_p');
  if (temperature > 1) dropped.add('temperature');
  return { temperature: Math.min(temperature, 1) };
}

/** The API refuses sequences of white space alone. */
function stopSequences({ stop }: ChatRequestBody, dropped: DroppedParams): { stop_sequences?: string[] } {
  const wanted = typeof stop === 'string' ? [stop] : (stop ?? []);
  const taken = wanted.filter((text) => text.trim() !== '');
  if (taken.length < wanted.length) dropped.add('stop');
  return taken.length > 0 ? { stop_sequences: taken } : {};
}

/** A schema is a promise to the caller: it is passed on, so that a model that cannot keep it says so. */
function outputFormat({ response_format: format }: ChatRequestBody, dropped: DroppedParams): Record<string, unknown> {
  if (format == null || format.type === 'text') return {};
  const schema = (format.json_schema as { schema?: unknown } | null | undefined)?.schema;
  if (format.type === 'json_schema' && schema != null) {
    return { output_config: { format: { type: 'json_schema', schema } } };
  }
  dropped.add('response_format');
  return {};
}
