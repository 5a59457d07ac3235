import { type SimulatedSettings } from '../../kernel/snapshot.js';
import { faultsOf, type SimulatedFaults } from './simulated-faults.js';
import { hash, seededRandom, simulatedTokens } from './simulated-text.js';
import { simulatedToolCalls, type ToolCall } from './simulated-tools.js';

/** What a simulated upstream does, step by step: the transport and the stand-alone server play it. */
export interface Script {
  /** Before the headers, ms. Infinity: never answers. */
  readonly headAfterMs: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly steps: readonly ScriptStep[];
  /** How the connection ends after the last step. */
  readonly end: 'close' | 'cut' | 'stall';
}

export interface ScriptStep {
  readonly afterMs: number;
  readonly text: string;
}

interface SimulatedRequest {
  readonly model?: string;
  readonly messages?: readonly { readonly role?: string; readonly content?: unknown }[];
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean | null } | null;
  readonly max_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly n?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly tools?: readonly unknown[] | null;
  readonly tool_choice?: unknown;
}

interface Choice {
  readonly tokens: readonly string[];
  readonly toolCalls: readonly ToolCall[] | undefined;
  readonly finish: 'stop' | 'length' | 'tool_calls';
}

interface Completion {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

const JSON_TYPE = { 'content-type': 'application/json' } as const;

/**
 * Answers a chat completion request as an OpenAI-compatible upstream would. The text depends on the seed and the
 * messages alone; a plain answer takes as long as its stream.
 * @param wallMs milliseconds since the epoch, for `created`
 * @param serial number of the request on this upstream: decides with the seed which ones fail
 * @param standing faults of every request, whatever its model name asks for
 */
export function simulate(
  body: Buffer,
  settings: SimulatedSettings,
  wallMs: number,
  serial: number,
  standing: SimulatedFaults = {},
): Script {
  const request = parse(body);
  if (!request) return failure(400, 'invalid_request_error', 'Could not parse the request.');
  const faults = { ...standing, ...faultsOf(request.model ?? '') };
  const refused = refusal(faults, settings, serial);
  if (refused) return refused;
  const completion = complete(request, settings, wallMs);
  const firstTokenMs = faults.slow ?? settings.firstTokenMs;
  return request.stream === true
    ? streamed(request, completion, faults, settings, firstTokenMs)
    : plain(completion, faults, settings, firstTokenMs);
}

function parse(body: Buffer): SimulatedRequest | undefined {
  try {
    return JSON.parse(body.toString()) as SimulatedRequest;
  } catch {
    return undefined;
  }
}

function refusal(faults: SimulatedFaults, settings: SimulatedSettings, serial: number): Script | undefined {
  if (faults.hang) return { headAfterMs: Infinity, status: 200, headers: JSON_TYPE, steps: [], end: 'stall' };
  if (faults.reset) return { headAfterMs: Infinity, status: 200, headers: JSON_TYPE, steps: [], end: 'cut' };
  if (faults.status !== undefined) return failure(faults.status, 'server_error', 'Simulated failure.', null, faults);
  if (faults.contextLength) {
    const message = "This model's maximum context length is 8 tokens.";
    return failure(400, 'invalid_request_error', message, 'context_length_exceeded');
  }
  if (faults.contentPolicy) {
    return failure(400, 'invalid_request_error', 'Refused by policy.', 'content_policy_violation');
  }
  if (faults.errorBody) return failure(200, 'server_error', 'Simulated failure inside a 200.');
  if (faults.html) {
    const text = '<html><body>It works!</body></html>';
    return {
      headAfterMs: 0,
      status: 200,
      headers: { 'content-type': 'text/html' },
      steps: [{ afterMs: 0, text }],
      end: 'close',
    };
  }
  const unlucky = settings.errorRate > 0 && seededRandom(hash(String(serial), settings.seed))() < settings.errorRate;
  return unlucky ? failure(500, 'server_error', 'Simulated failure.') : undefined;
}

function failure(
  status: number,
  type: string,
  message: string,
  code: string | null = null,
  faults?: SimulatedFaults,
): Script {
  const headers: Record<string, string> = { ...JSON_TYPE };
  if (faults?.retryAfter !== undefined) headers['retry-after'] = String(faults.retryAfter);
  const text = JSON.stringify({ error: { message, type, param: null, code } });
  return { headAfterMs: 0, status, headers, steps: [{ afterMs: 0, text }], end: 'close' };
}

function complete(request: SimulatedRequest, settings: SimulatedSettings, wallMs: number): Completion {
  const prompt = JSON.stringify(request.messages ?? []);
  const seed = hash(prompt, settings.seed);
  const cap = request.max_completion_tokens ?? request.max_tokens ?? settings.tokens;
  const choices = Array.from({ length: request.n ?? 1 }, (_, index) =>
    choose(request, seed + index, cap, settings.tokens),
  );
  const prompt_tokens = Math.ceil(prompt.length / 4);
  const completion_tokens = choices.reduce((sum, choice) => sum + tokensIn(choice), 0);
  return {
    id: `chatcmpl-sim${seed.toString(36)}`,
    created: Math.floor(wallMs / 1000),
    model: (request.model ?? 'simulated').split('!')[0] ?? 'simulated',
    choices,
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

function tokensIn(choice: Choice): number {
  return choice.toolCalls ? choice.toolCalls.length * 8 : choice.tokens.length;
}

function choose(request: SimulatedRequest, seed: number, cap: number, wanted: number): Choice {
  const toolCalls = simulatedToolCalls(request.tools, request.tool_choice, request.messages?.at(-1)?.role, seed);
  if (toolCalls) return { tokens: [], toolCalls, finish: 'tool_calls' };
  const tokens = simulatedTokens(seed, Math.min(wanted, cap));
  const stopped = stopAt(tokens, request.stop);
  if (stopped) return { tokens: stopped, toolCalls: undefined, finish: 'stop' };
  return { tokens, toolCalls: undefined, finish: cap < wanted ? 'length' : 'stop' };
}

/** The tokens before the first stop sequence, or undefined where none occurs. */
function stopAt(tokens: readonly string[], stop: SimulatedRequest['stop']): readonly string[] | undefined {
  const text = tokens.join('');
  const stops = typeof stop === 'string' ? [stop] : (stop ?? []);
  const cuts = stops.map((sequence) => text.indexOf(sequence)).filter((at) => at >= 0);
  if (cuts.length === 0) return undefined;
  const kept: string[] = [];
  for (let rest = Math.min(...cuts), at = 0; rest > 0 && at < tokens.length; at++) {
    const token = tokens[at] ?? '';
    kept.push(token.slice(0, rest));
    rest -= token.length;
  }
  return kept;
}

function plain(
  completion: Completion,
  faults: SimulatedFaults,
  settings: SimulatedSettings,
  firstTokenMs: number,
): Script {
  const { choices, usage, ...head } = completion;
  const answer = {
    ...head,
    object: 'chat.completion',
    choices: choices.map(({ tokens, toolCalls, finish }, index) => ({
      index,
      message: {
        role: 'assistant',
        content: toolCalls ? null : tokens.join(''),
        refusal: null,
        ...(toolCalls && { tool_calls: toolCalls }),
      },
      logprobs: null,
      finish_reason: finish,
    })),
    ...(!faults.noUsage && { usage }),
  };
  const whole = JSON.stringify(answer);
  const steps = Math.max(0, ...choices.map(({ tokens }) => tokens.length - 1));
  const broken = faults.malformed === true || faults.cut !== undefined || faults.stall !== undefined;
  const text = broken ? whole.slice(0, whole.length >> 1) : whole;
  const end = faults.cut !== undefined ? 'cut' : faults.stall !== undefined ? 'stall' : 'close';
  return {
    headAfterMs: firstTokenMs + steps * settings.tokenMs,
    status: 200,
    headers: JSON_TYPE,
    steps: [{ afterMs: 0, text }],
    end,
  };
}

function streamed(
  request: SimulatedRequest,
  completion: Completion,
  faults: SimulatedFaults,
  settings: SimulatedSettings,
  firstTokenMs: number,
): Script {
  const withUsage = request.stream_options?.include_usage === true && !faults.noUsage;
  const writer = new ChunkWriter(completion, withUsage);
  const steps: ScriptStep[] = [{ afterMs: 0, text: completion.choices.map((_, index) => writer.role(index)).join('') }];
  const script = (end: Script['end']): Script => ({
    headAfterMs: 0,
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    steps,
    end,
  });
  if (faults.silent) return script('stall');
  const rounds = Math.max(1, ...completion.choices.map(({ tokens }) => tokens.length));
  for (let round = 0; round < rounds; round++) {
    if (round === faults.cut) return script('cut');
    if (round === faults.stall) return script('stall');
    const afterMs = round === 0 ? firstTokenMs : settings.tokenMs;
    if (round === faults.errorEvent) {
      steps.push({
        afterMs,
        text: 'data: {"error":{"message":"Simulated failure.","type":"server_error","code":500}}\n\ndata: [DONE]\n\n',
      });
      return script('close');
    }
    const text = faults.malformed ? 'data: {"choices":[{"delta":{"cont\n\n' : writer.round(round);
    steps.push({ afterMs, text });
  }
  steps.push({ afterMs: 0, text: faults.noFinish ? '' : writer.finish() });
  if (!faults.noDone && !faults.noFinish) steps.push({ afterMs: 0, text: 'data: [DONE]\n\n' });
  return script('close');
}

/** Writes one completion as chunks. */
class ChunkWriter {
  constructor(
    private readonly completion: Completion,
    private readonly withUsage: boolean,
  ) {}

  role(index: number): string {
    return this.#event([
      { index, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null },
    ]);
  }

  /** The nth token of every choice that has one, or its tool calls. */
  round(at: number): string {
    return this.completion.choices
      .map(({ tokens, toolCalls }, index) => {
        const delta =
          toolCalls && at === 0
            ? { tool_calls: toolCalls.map((call, nth) => ({ index: nth, ...call })) }
            : { content: tokens[at] };
        return at < tokens.length || toolCalls
          ? this.#event([{ index, delta, logprobs: null, finish_reason: null }])
          : '';
      })
      .join('');
  }

  finish(): string {
    const finishes = this.completion.choices.map(({ finish }, index) =>
      this.#event([{ index, delta: {}, logprobs: null, finish_reason: finish }]),
    );
    return finishes.join('') + (this.withUsage ? this.#event([], this.completion.usage) : '');
  }

  #event(choices: readonly unknown[], usage: unknown = null): string {
    const { id, created, model } = this.completion;
    const chunk = { id, object: 'chat.completion.chunk', created, model, choices, ...(this.withUsage && { usage }) };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  }
}
