import { type AIMessageChunk } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { APIError, BadRequestError, InternalServerError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SdkLab, WEATHER_TOOL } from '../support/sdk-lab.js';

describe('@langchain/openai', () => {
  let lab: SdkLab;

  beforeAll(async () => {
    lab = await SdkLab.start();
  });
  afterAll(() => lab.stop());

  const chat = (model: string, more: { temperature?: number } = {}) =>
    new ChatOpenAI({ model, apiKey: 'any-key', maxRetries: 0, configuration: { baseURL: lab.baseURL }, ...more });

  /** What the pieces of a stream add up to. */
  const collect = async (stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> => {
    let whole: AIMessageChunk | undefined;
    for await (const piece of stream) whole = whole ? whole.concat(piece) : piece;
    return whole!;
  };

  const refusal = (model: string, more: { temperature?: number } = {}): Promise<unknown> =>
    chat(model, more)
      .invoke('Hi')
      .then(
        () => undefined,
        (error: unknown) => error,
      );

  it('gets a plain answer with its usage', async () => {
    const answer = await chat('mock-model').invoke('Hello, world!');
    expect(answer.text).toMatch(/^Hello!/);
    expect(answer).toMatchObject({ usage_metadata: { output_tokens: 8 } });
    expect(answer.response_metadata).toMatchObject({ finish_reason: 'stop' });
  });

  it('gets the same text as a stream, and its usage', async () => {
    const plain = await chat('mock-model').invoke('Hello, world!');
    const streamed = await collect(await chat('mock-model').stream('Hello, world!'));
    expect(streamed.text).toBe(plain.text);
    expect(streamed).toMatchObject({ usage_metadata: { output_tokens: 8 } });
  });

  it('gets tool calls plainly and as a stream', async () => {
    const model = chat('mock-model').bindTools([WEATHER_TOOL]);
    const plain = await model.invoke('Weather?');
    const streamed = await collect(await model.stream('Weather?'));
    for (const { tool_calls } of [plain, streamed]) {
      expect(tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Paris' } }]);
    }
  });

  it('sends the request id that it is given', async () => {
    await chat('mock-model').invoke('Hi', { options: { headers: { 'x-request-id': 'langchain-1' } } });
    expect(await lab.gateway.ledger('langchain-1')).toMatchObject({ status: 200 });
  });

  it('ends the work upstream when it aborts a stream', async () => {
    const held = lab.held();
    const abort = new AbortController();
    const stream = await chat('held').stream('Hi', { signal: abort.signal });
    await expect(
      (async () => {
        for await (const piece of stream) if (piece.text !== '') abort.abort();
      })(),
    ).rejects.toThrow(/abort/i);
    await (
      await held
    ).aborted;
  });

  it('ends the work upstream when it aborts a plain request', async () => {
    const held = lab.held();
    const abort = new AbortController();
    const call = chat('held').invoke('Hi', { signal: abort.signal });
    const { aborted } = await held;
    abort.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await aborted;
  });

  it("raises OpenAI's error classes", async () => {
    expect(await refusal('none')).toMatchObject({ status: 404, code: 'model_not_found' });
    expect(await refusal('none')).toBeInstanceOf(NotFoundError);
    expect(await refusal('mock-model', { temperature: 3 })).toMatchObject({ status: 400, param: 'temperature' });
    expect(await refusal('refused')).toBeInstanceOf(BadRequestError);
    expect(await refusal('failing')).toBeInstanceOf(InternalServerError);
  });

  it('raises APIError for a stream that breaks after its first content', async () => {
    let text = '';
    const read = async () => {
      for await (const piece of await chat('cut').stream('Hi')) text += piece.text;
    };
    await expect(read()).rejects.toThrow(APIError);
    expect(text).toMatch(/^Hello!/);
  });
});
