import { z } from 'zod';
import { type JsonDocument } from './json-document.js';

/**
 * The members of a chat completion request that the gateway checks: OpenAI's types and ranges.
 * `null` counts as absent, and members that are not named here pass unchecked.
 */
const nullable = <T extends z.ZodType>(type: T) => type.nullish();
const token = z.int().min(1);
const text = z.string();

const contentPart = z.looseObject({ type: text });
const toolCall = z.looseObject({ id: nullable(text), type: nullable(text) });
const message = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: nullable(z.union([text, z.array(contentPart)])),
  name: nullable(text),
  refusal: nullable(text),
  tool_call_id: nullable(text),
  tool_calls: nullable(z.array(toolCall)),
});
const tool = z.looseObject({ type: text });
const named = z.looseObject({ name: text });

export const chatRequestSchema = z.looseObject({
  model: text.min(1).max(256),
  messages: z.array(message).min(1),
  audio: nullable(z.looseObject({})),
  frequency_penalty: nullable(z.number().min(-2).max(2)),
  function_call: nullable(z.union([z.enum(['none', 'auto']), named])),
  functions: nullable(z.array(named)),
  logit_bias: nullable(z.record(text, z.int())),
  logprobs: nullable(z.boolean()),
  max_completion_tokens: nullable(token),
  max_tokens: nullable(token),
  metadata: nullable(z.record(text, text)),
  modalities: nullable(z.array(z.enum(['text', 'audio']))),
  moderation: nullable(z.looseObject({})),
  n: nullable(z.int().min(1).max(128)),
  parallel_tool_calls: nullable(z.boolean()),
  prediction: nullable(z.looseObject({})),
  presence_penalty: nullable(z.number().min(-2).max(2)),
  prompt_cache_key: nullable(text),
  prompt_cache_options: nullable(z.looseObject({})),
  prompt_cache_retention: nullable(z.enum(['in_memory', '24h'])),
  reasoning_effort: nullable(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])),
  response_format: nullable(z.looseObject({ type: z.enum(['text', 'json_schema', 'json_object']) })),
  safety_identifier: nullable(text.max(64)),
  seed: nullable(z.number().multipleOf(1).min(-9223372036854776000).max(9223372036854776000)),
  service_tier: nullable(z.enum(['auto', 'default', 'flex', 'scale', 'priority', 'fast'])),
  stop: nullable(z.union([text, z.array(text)])),
  store: nullable(z.boolean()),
  stream: nullable(z.boolean()),
  stream_options: nullable(z.looseObject({ include_usage: nullable(z.boolean()) })),
  temperature: nullable(z.number().min(0).max(2)),
  tool_choice: nullable(z.union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: text })])),
  tools: nullable(z.array(tool)),
  top_logprobs: nullable(z.int().min(0).max(20)),
  top_p: nullable(z.number().min(0).max(1)),
  user: nullable(text),
  verbosity: nullable(z.enum(['low', 'medium', 'high'])),
  web_search_options: nullable(z.looseObject({})),
});

export type ChatRequestBody = z.infer<typeof chatRequestSchema>;
export type ChatMessage = ChatRequestBody['messages'][number];

/**
 * Members that would steer transport, credentials or routing if an upstream obeyed them:
 * refused, never forwarded.
 */
export const FORBIDDEN_MEMBERS: ReadonlySet<string> = new Set([
  'api_base',
  'base_url',
  'api_key',
  'api_version',
  'api_type',
  'organization',
  'extra_headers',
  'extra_query',
  'extra_body',
]);

/** The schema as JSON Schema (draft 7), for Fastify's compiled validator and for Swagger. */
export const chatRequestJsonSchema = z.toJSONSchema(chatRequestSchema, { target: 'draft-7', io: 'input' }) as Record<
  string,
  unknown
>;

/** A validated request: what the gateway reads of it, and its bytes for forwarding. */
export class ChatRequest {
  readonly model: string;
  readonly stream: boolean;
  /** The caller asked for the usage chunk at the end of its stream. */
  readonly includeUsage: boolean;
  /** Choices asked for. */
  readonly choices: number;
  #body: ChatRequestBody | undefined;

  /**
   * @param outline the parsed body; of long strings it may hold the beginning only
   * @param whole whether the outline is the whole body
   */
  constructor(
    readonly outline: ChatRequestBody,
    readonly document: JsonDocument,
    private readonly whole = true,
  ) {
    this.model = outline.model;
    this.stream = outline.stream === true;
    this.includeUsage = this.stream && outline.stream_options?.include_usage === true;
    this.choices = outline.n ?? 1;
    this.#body = whole ? outline : undefined;
  }

  /** The whole body, parsed when it is first asked for: to be read by whoever needs the texts themselves. */
  get body(): ChatRequestBody {
    return (this.#body ??= JSON.parse(this.document.text()) as ChatRequestBody);
  }

  /** Bytes of text that the outline leaves out, but for those of files and images that stand in the request. */
  get omittedTextBytes(): number {
    return this.whole ? 0 : this.document.omittedTextBytes;
  }

  /** The caller's own output cap per choice, in tokens: the newer member wins. */
  get maxTokens(): number | undefined {
    return this.outline.max_completion_tokens ?? this.outline.max_tokens ?? undefined;
  }
}

/** The plain request as it is put to an upstream that is asked for a stream: with the usage at its end. */
export function streamedTwin({ body, document }: ChatRequest): ChatRequest {
  return new ChatRequest(
    { ...body, stream: true, stream_options: { ...body.stream_options, include_usage: true } },
    document,
  );
}
