import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, jsonSchema, streamText, tool, type ToolSet } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SdkLab, WEATHER_TOOL } from '../support/sdk-lab.js';

const { description, parameters } = WEATHER_TOOL.function;
const inputSchema = jsonSchema<{ city: string }>({ ...parameters, required: [...parameters.required] });
const tools = { get_weather: tool<{ city: string }, never>({ description, inputSchema }) } as unknown as ToolSet;

describe('ai with @ai-sdk/openai-compatible', () => {
  let lab: SdkLab;
  let settings: (model: string) => { model: ReturnType<ReturnType<typeof createOpenAICompatible>>; maxRetries: 0 };

  beforeAll(async () => {
    lab = await SdkLab.start();
    const provider = createOpenAICompatible({ name: 'gateway', baseURL: lab.baseURL, includeUsage: true });
    settings = (model) => ({ model: provider(model), maxRetries: 0 });
  });
  afterAll(() => lab.stop());

  /** Reads a stream to its end; errors are told in it. */
  const read = (model: string, more: { tools?: ToolSet; abortSignal?: AbortSignal } = {}) =>
    streamText({ ...settings(model), prompt: 'Hello, world!', onError: () => undefined, ...more });

  /** The error that a plain call ends with. */
  const refusal = async (model: string, more: { temperature?: number } = {}): Promise<APICallError> => {
    const error: unknown = await generateText({ ...settings(model), prompt: 'Hi', ...more }).catch(
      (reason: unknown) => reason,
    );
    expect(APICallError.isInstance(error)).toBe(true);
    return error as APICallError;
  };

  it('gets a plain answer with its usage and request id', async () => {
    const headers = { 'x-request-id': 'ai-1' };
    const answer = await generateText({ ...settings('mock-model'), prompt: 'Hello, world!', headers });
    expect(answer.text).toMatch(/^Hello!/);
    expect(answer.finishReason).toBe('stop');
    expect(answer.usage.outputTokens).toBe(8);
    expect(answer.response.headers).toMatchObject({ 'x-request-id': 'ai-1', 'x-gateway-provider': 'simulated' });
  });

  it('gets the same text as a stream, and its usage', async () => {
    const plain = await generateText({ ...settings('mock-model'), prompt: 'Hello, world!' });
    const streamed = read('mock-model');
    let text = '';
    for await (const part of streamed.textStream) text += part;
    expect(text).toBe(plain.text);
    expect((await streamed.usage).outputTokens).toBe(8);
    expect(await streamed.finishReason).toBe('stop');
  });

  it('gets tool calls plainly and as a stream', async () => {
    const plain = await generateText({ ...settings('mock-model'), prompt: 'Weather?', tools });
    const streamed = read('mock-model', { tools });
    await streamed.consumeStream();
    for (const calls of [plain.toolCalls, await streamed.toolCalls]) {
      expect(calls).toMatchObject([{ toolName: 'get_weather', input: { city: 'Paris' } }]);
    }
    expect(plain.finishReason).toBe('tool-calls');
  });

  it('ends the work upstream when it aborts a stream', async () => {
    const held = lab.held();
    const abort = new AbortController();
    const { textStream } = read('held', { abortSignal: abort.signal });
    for await (const part of textStream) {
      expect(part).toBe('Hello!');
      abort.abort();
    }
    await (
      await held
    ).aborted;
  });

  it('ends the work upstream when it aborts a plain request', async () => {
    const held = lab.held();
    const abort = new AbortController();
    const call = generateText({ ...settings('held'), prompt: 'Hi', abortSignal: abort.signal });
    const { aborted } = await held;
    abort.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await aborted;
  });

  it('raises APICallError with the status and the error of the gateway, and knows what may be repeated', async () => {
    const invalid = await refusal('mock-model', { temperature: 3 });
    expect(invalid).toMatchObject({ statusCode: 400, isRetryable: false });
    expect(invalid.data).toMatchObject({ error: { param: 'temperature', code: 'invalid_value' } });
    expect(await refusal('none')).toMatchObject({ statusCode: 404, isRetryable: false });
    expect(await refusal('too-long')).toMatchObject({ statusCode: 400, isRetryable: false });
    expect(await refusal('failing')).toMatchObject({ statusCode: 502, isRetryable: true });
  });

  it('tells of a stream that breaks after its first content', async () => {
    const parts = [];
    for await (const part of read('cut').fullStream) parts.push(part);
    expect(parts.filter(({ type }) => type === 'text-delta').length).toBeGreaterThan(0);
    expect(parts.find(({ type }) => type === 'error')).toBeDefined();
  });
});
