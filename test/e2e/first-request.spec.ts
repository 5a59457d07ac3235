import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const HELLO = { model: 'gpt-3.5-turbo', messages: [{ role: 'user', content: 'Hello, world!' }] };

describe('the zero-configuration gateway', () => {
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = await GatewayProcess.start();
  });
  afterAll(() => gateway.stop());

  it('answers a plain request', async () => {
    const response = await gateway.post(HELLO);
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { choices: { message: { content: string } }[]; usage: object };
    expect(answer.choices[0]!.message.content).toMatch(/^Hello!/);
    expect(answer.usage).toMatchObject({ completion_tokens: 32 });
  });

  it('streams the same text, and ends with [DONE]', async () => {
    const plain = (await (await gateway.post(HELLO)).json()) as { choices: { message: { content: string } }[] };
    const text = await (await gateway.post({ ...HELLO, stream: true })).text();
    const events = text.split('\n\n').filter(Boolean);
    expect(events.at(-1)).toBe('data: [DONE]');
    const deltas = events
      .slice(0, -1)
      .map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] });
    expect(deltas.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toMatch(/^Hello!/);
    expect(plain.choices[0]!.message.content).toMatch(/^Hello!/);
    expect(text).not.toContain('"usage":{');
  });

  it('echoes the request id, sends it to the log, and honours the provider pin', async () => {
    const response = await gateway.post(HELLO, {
      'x-request-id': 'my-custom-request-123',
      'x-provider-priority': 'mock_openai',
    });
    await response.text();
    expect(response.headers.get('x-request-id')).toBe('my-custom-request-123');
    expect(response.headers.get('x-gateway-provider')).toBe('mock_openai');
    expect(await gateway.ledger('my-custom-request-123')).toMatchObject({
      status: 200,
      provider: 'mock_openai',
      attempts: 1,
    });
  });
});
