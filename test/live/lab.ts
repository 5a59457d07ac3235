import OpenAI from 'openai';
import { GatewayProcess } from '../support/gateway-process.js';
import { type Engine } from './engine.js';
import { type EngineKind, type LiveOptions } from './options.js';

/** Output tokens that the gateway allows the model `live-capped`. */
export const CAP_TOKENS = 8;
/** Output tokens of `ENDLESS`: enough to hang up in the middle of them. */
const LONG_TOKENS = 1_200;

export type MidStream = 'error' | 'resume' | 'hold';

/** A gateway before a live engine, a client of it, and the ways to ask both. */
export class Lab {
  readonly openai: OpenAI;

  private constructor(
    readonly engine: Engine,
    readonly gateway: GatewayProcess,
    readonly upstreamModel: string,
  ) {
    this.openai = new OpenAI({ baseURL: `${gateway.publicUrl}/v1`, apiKey: 'any', maxRetries: 0 });
  }

  /** @param second takes over when the first dies: another engine, or a simulated provider */
  static async start(
    { kind, model }: LiveOptions,
    engine: Engine,
    midStream: MidStream = 'error',
    second?: Engine,
  ): Promise<Lab> {
    const gateway = await GatewayProcess.start({ config: gatewayFile(kind, model, engine, midStream, second) });
    return new Lab(engine, gateway, model);
  }

  stop(): Promise<unknown> {
    return this.gateway.stop();
  }

  /** The answer of the engine itself to the same request. */
  async direct(body: OpenAI.ChatCompletionCreateParamsNonStreaming): Promise<OpenAI.ChatCompletion> {
    const response = await this.engine.ask({ ...body, model: this.upstreamModel });
    if (!response.ok) throw new Error(`the engine itself answers ${response.status}: ${await response.text()}`);
    return (await response.json()) as OpenAI.ChatCompletion;
  }

  /** All chunks of a stream through the gateway. */
  async chunks(body: object): Promise<OpenAI.ChatCompletionChunk[]> {
    const stream = await this.openai.chat.completions.create({
      ...(body as OpenAI.ChatCompletionCreateParamsStreaming),
      stream: true,
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
  }
}

/** A greeting, always with the same answer. */
export const HELLO = {
  model: 'live',
  messages: [{ role: 'user' as const, content: 'Hello' }],
  temperature: 0,
  seed: 1,
  max_tokens: 200,
};

/** An answer that goes on until somebody stops it. */
export const ENDLESS = {
  ...HELLO,
  messages: [{ role: 'user' as const, content: 'Tell me a long story' }],
  max_tokens: LONG_TOKENS,
  ignore_eos: true,
};

/** The text of a stream's choice. */
export function textOf(chunks: readonly OpenAI.ChatCompletionChunk[], index = 0): string {
  const choices = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index);
  return choices.map(({ delta }) => delta.content ?? '').join('');
}

function gatewayFile(kind: EngineKind, model: string, engine: Engine, midStream: MidStream, second?: Engine) {
  const live = (url: string) => ({
    kind,
    baseUrl: `${url}/v1`,
    hosting: 'selfHosted',
    allowPrivate: true,
    probe: { path: '/health', intervalMs: 500 },
  });
  const backup = second
    ? { ...live(second.url), name: 'backup', tier: 1 }
    : { name: 'backup', kind: 'simulated', tier: 1, simulated: { firstTokenMs: 1, tokenMs: 1, tokens: 8 } };
  const served = (name: string, providers: readonly string[], more: object = {}) => ({
    name,
    targets: providers.map((provider) => ({ provider, model })),
    ...more,
  });
  return {
    version: 1,
    auth: { anonymous: { enabled: true, models: ['*'] } },
    providers: [
      { ...live(engine.url), name: 'engine' },
      { ...live(engine.url), name: 'engine_streamed', streamUpstream: true },
      backup,
    ],
    models: [
      served('live', ['engine']),
      served('live-streamed', ['engine_streamed']),
      served('live-capped', ['engine'], { output: { maxTokens: CAP_TOKENS } }),
      served('live-failover', ['engine', 'backup']),
      { name: 'live-unknown', targets: [{ provider: 'engine', model: 'no-such-model' }] },
    ],
    // The machine's load is not what is tried here.
    resilience: { midStream, shedding: { enabled: false } },
  };
}
