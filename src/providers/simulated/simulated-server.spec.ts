import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../kernel/clock.js';
import { SimulatedServer } from './simulated-server.js';

const HELLO = { model: 'mock-model', messages: [{ role: 'user', content: 'Hi' }] };
const INSTANT = { firstTokenMs: 0, tokenMs: 0, tokens: 8, errorRate: 0, seed: 1 };

describe('SimulatedServer', () => {
  let server: SimulatedServer;
  let url: string;

  beforeEach(async () => {
    server = new SimulatedServer('lab', INSTANT, systemClock);
    url = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  });
  afterEach(() => server.close());

  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    });
  const chat = (changes: object = {}, init?: RequestInit) =>
    post('/v1/chat/completions', { ...HELLO, ...changes }, init);
  const stats = async () => (await (await fetch(`${url}/stats`)).json()) as Record<string, unknown>;
  /** The counters move when the server sees its connection close: a round trip of its event loop later. */
  const settled = async () => {
    let report = await stats();
    while (report.inFlight !== 0) report = await stats();
    return report;
  };

  it('answers plainly and as a stream, with the same text', async () => {
    const plain = (await (await chat()).json()) as { choices: { message: { content: string } }[] };
    const response = await chat({ stream: true });
    const events = (await response.text()).split('\n\n').filter(Boolean);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(events.pop()).toBe('data: [DONE]');
    const text = events
      .map((event) => JSON.parse(event.slice('data: '.length)) as { choices: { delta: { content?: string } }[] })
      .map(({ choices }) => choices[0]!.delta.content ?? '')
      .join('');
    expect(text).toBe(plain.choices[0]!.message.content);
    expect(await settled()).toMatchObject({ name: 'lab', received: 2, completed: 2, aborted: 0, cut: 0 });
  });

  it('cuts the connection after the tokens that were asked for, not before', async () => {
    const response = await chat({ model: 'mock-model!cut-3', stream: true });
    let text = '';
    const readToTheEnd = async () => {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
    };
    await expect(readToTheEnd()).rejects.toThrow();
    expect(text.match(/"content":" ?\w/g)).toHaveLength(3);
    expect(await settled()).toMatchObject({ received: 1, cut: 1, completed: 0 });
  });

  it('closes the connection without an answer, and answers the next request', async () => {
    await expect(chat({ model: 'mock-model!reset' })).rejects.toThrow();
    expect((await chat()).status).toBe(200);
    expect(await settled()).toMatchObject({ received: 2, cut: 1, completed: 1 });
  });

  it.each(['hang', 'stall-2', 'silent'])('keeps a connection open under %s until the caller lets go', async (fault) => {
    const abort = new AbortController();
    const response = chat({ model: `mock-model!${fault}`, stream: true }, { signal: abort.signal });
    while ((await stats()).inFlight !== 1);
    if (fault !== 'hang') await response;
    abort.abort();
    await expect(response.then((answer) => answer.text())).rejects.toThrow();
    expect(await settled()).toMatchObject({ received: 1, aborted: 1 });
  });

  it('changes its settings and faults while it runs, and says how it is set', async () => {
    const changed = await post('/control', { settings: { tokens: 2 }, faults: ['status-503', 'retry-after-7'] });
    expect(await changed.json()).toMatchObject({
      settings: { ...INSTANT, tokens: 2 },
      faults: ['status-503', 'retry-after-7'],
    });
    const refused = await chat();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '7']);
    await post('/control', { faults: [] });
    expect(await (await chat()).json()).toMatchObject({ usage: { completion_tokens: 2 } });
  });

  it.each([
    [[], /object/],
    ['text', /object/],
    [{ setting: {} }, /'setting' is unknown/],
    [{ settings: { tokenMs: -1 } }, /settings\.tokenMs must be a whole number/],
    [{ settings: { errorRate: 1.5 } }, /settings\.errorRate must be from 0 to 1/],
    [{ settings: { speed: 1 } }, /settings\.speed is unknown/],
    [{ settings: { tokens: 3 }, faults: ['explode'] }, /faults must be a list of hang/],
    [{ settings: { tokens: 3 }, faults: 'hang' }, /faults must be a list/],
  ])('refuses %j and stays as it is', async (wish, message) => {
    const response = await post('/control', wish);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(response.status).toBe(400);
    expect(error.message).toMatch(message);
    expect(await stats()).toMatchObject({ settings: INSTANT, faults: [] });
  });

  it('takes control as JSON only, which no web page may send unasked', async () => {
    const init = { headers: { 'content-type': 'text/plain' } };
    expect((await post('/control', { faults: ['hang'] }, init)).status).toBe(415);
    expect((await post('/control', {}, { body: '{"faults":' })).status).toBe(400);
    expect(await stats()).toMatchObject({ faults: [] });
  });

  it('answers health and models, and nothing else', async () => {
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ data: [{ id: 'mock-model' }] });
    expect(await (await fetch(`${url}/v1/models/Qwen%2FQwen3-8B`)).json()).toMatchObject({ id: 'Qwen/Qwen3-8B' });
    expect((await fetch(`${url}/v1/nothing`)).status).toBe(404);
    expect((await fetch(`${url}/v1/chat/completions`)).status).toBe(404);
  });

  it('refuses to listen where somebody else does', async () => {
    const other = new SimulatedServer('other', INSTANT, systemClock);
    await expect(other.listen(Number(new URL(url).port), '127.0.0.1')).rejects.toThrow(/EADDRINUSE/);
  });
});
