import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream, type UpstreamScript } from '../support/scripted-upstream.js';
import { answers, beginStream, event, inTurn, refuses } from '../support/upstream-scripts.js';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const STREAM = { ...ASK, stream: true };
const FALLBACK = answers('fallback');

/** Two real upstreams, the second one a substitute, behind a gateway process with short timers. */
class Pair {
  private constructor(
    readonly primary: ScriptedUpstream,
    readonly fallback: ScriptedUpstream,
    readonly gateway: GatewayProcess,
  ) {}

  static async start(): Promise<Pair> {
    const [primary, fallback] = [await ScriptedUpstream.start(FALLBACK), await ScriptedUpstream.start(FALLBACK)];
    const provider = (name: string, { baseUrl }: ScriptedUpstream): object => ({
      name,
      kind: 'openai',
      baseUrl,
      allowPrivate: true,
      timeouts: { connectMs: 500, firstTokenMs: 400, idleMs: 400 },
    });
    const gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [provider('primary', primary), provider('fallback', fallback)],
        models: [
          {
            name: 'm',
            targets: [
              { provider: 'primary', model: 'm', contextTokens: 8_000 },
              { provider: 'fallback', model: 'm', tier: 1, contextTokens: 32_000 },
            ],
            price: { inputPerMillion: '1', outputPerMillion: '1' },
          },
        ],
        resilience: {
          breaker: { openMs: 1_000, maxOpenMs: 1_500, probeSuccesses: 1, slowStartMs: 0 },
          // A busy machine would brown out, and not try again.
          shedding: { enabled: false },
        },
      },
    });
    return new Pair(primary, fallback, gateway);
  }

  /** How often each was called. */
  get calls(): readonly [number, number] {
    return [this.primary.received.length, this.fallback.received.length];
  }

  async plain(): Promise<{ response: Response; text: string }> {
    const response = await this.gateway.post(ASK);
    const text = await response.text();
    return { response, text: response.ok ? contentOf(text) : text };
  }

  /** The text of a stream, and everything that came. */
  async stream(): Promise<{ response: Response; text: string; raw: string }> {
    const response = await this.gateway.post(STREAM);
    const raw = await response.text();
    const events = raw.split('\n\n').filter((line) => line.startsWith('data: {"id"'));
    const text = events
      .map((line) => (JSON.parse(line.slice(6)) as { choices: { delta: { content?: string } }[] }).choices)
      .map(([choice]) => choice?.delta.content ?? '')
      .join('');
    return { response, text, raw };
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway.stop(), this.primary.stop(), this.fallback.stop()]);
  }
}

function contentOf(text: string): string {
  return (JSON.parse(text) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;
}

describe('sixteen ways to fail over', () => {
  let pair: Pair;

  beforeEach(async () => {
    pair = await Pair.start();
  });
  afterEach(() => pair.stop());

  function primary(script: UpstreamScript): void {
    pair.primary.script = script;
  }

  it('1: a 429 with a short Retry-After is waited for', async () => {
    primary(inTurn(refuses(429, { 'retry-after': '1' }), answers('primary')));
    // How long, to the millisecond: the attempt runner's own test, on a clock of its own.
    expect((await pair.plain()).text).toBe('primary');
    expect(pair.calls).toEqual([2, 0]);
  });

  it('2: a 429 that persists goes to the fallback, and rests the primary', async () => {
    primary(refuses(429, { 'retry-after': '30' }));
    expect((await pair.plain()).text).toBe('fallback');
    expect((await pair.plain()).text).toBe('fallback');
    expect(pair.calls).toEqual([1, 2]);
  });

  it('3: one 500 is tried again', async () => {
    primary(inTurn(refuses(500), answers('primary')));
    expect((await pair.plain()).text).toBe('primary');
    expect(pair.calls).toEqual([2, 0]);
  });

  it('4: a 503 that persists goes to the fallback, and the caller can see it', async () => {
    primary(refuses(503));
    const { response, text } = await pair.plain();
    expect(text).toBe('fallback');
    expect(response.headers.get('x-gateway-provider')).toBe('fallback');
    expect(response.headers.get('x-gateway-failed-providers')).toBe('primary');
    expect(response.headers.get('x-gateway-attempts')).toBe('3');
  });

  it('5: a TCP reset goes to the fallback', async () => {
    primary((_request, _response, socket) => void socket.resetAndDestroy());
    expect((await pair.plain()).text).toBe('fallback');
    expect((await pair.stream()).text).toBe('fallback');
  });

  it('6: a connection that is accepted and then silent gets one attempt', async () => {
    primary(() => undefined);
    expect((await pair.stream()).text).toBe('fallback');
    expect(pair.calls).toEqual([1, 1]);
    await pair.primary.received[0]!.aborted;
  });

  it('7: a first token that comes too late goes to the fallback, with one role chunk in all', async () => {
    primary((_request, response) => {
      beginStream(response);
      const timer = setTimeout(() => response.end(event({ content: 'late' })), 20_000);
      response.on('close', () => clearTimeout(timer));
    });
    const { text, raw } = await pair.stream();
    expect(text).toBe('fallback');
    expect(raw.match(/"role"/g)).toHaveLength(1);
    expect(raw.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });

  it('8: a stream that is cut ends with one error event, without [DONE], and without words of another', async () => {
    primary((_request, response, socket) => {
      beginStream(response);
      response.write(event({ content: 'half' }), () => setTimeout(() => socket.destroy(), 20));
    });
    const { text, raw } = await pair.stream();
    expect(text).toBe('half');
    expect(raw.match(/data: \{"error"/g)).toHaveLength(1);
    expect(raw).not.toContain('[DONE]');
    expect(pair.calls).toEqual([1, 0]);
  });

  it('9: a stream that stalls ends with an error event, for comments are no life', async () => {
    primary((_request, response) => {
      beginStream(response);
      response.write(event({ content: 'half' }));
      const timer = setInterval(() => response.write(': ping\n\n'), 50);
      response.on('close', () => clearInterval(timer));
    });
    const { raw } = await pair.stream();
    expect(raw).toContain('"code":"upstream_timeout"');
    expect(raw).not.toContain('[DONE]');
  });

  it('10: a malformed chunk before the first content goes to the fallback', async () => {
    primary((_request, response) => {
      beginStream(response);
      response.end('data: {"choices":[{"del\n\n');
    });
    expect((await pair.stream()).text).toBe('fallback');
  });

  it('11: a stream without [DONE] is complete with a finish reason, and an error without one', async () => {
    primary((_request, response) => {
      beginStream(response);
      response.end(event({ content: 'whole' }) + event({}, 'stop'));
    });
    const whole = await pair.stream();
    expect(whole.text).toBe('whole');
    expect(whole.raw.match(/\[DONE\]/g)).toHaveLength(1);
    primary((_request, response) => {
      beginStream(response);
      response.end(event({ content: 'half' }));
    });
    const half = await pair.stream();
    expect(half.raw).toContain('data: {"error"');
    expect(half.raw).not.toContain('[DONE]');
  });

  it('12: a prompt that is too long goes to the larger window, and never the other way', async () => {
    primary(refuses(400, {}, { code: 'context_length_exceeded' }));
    expect((await pair.plain()).text).toBe('fallback');
    expect(pair.calls).toEqual([1, 1]);
    primary(refuses(500));
    pair.fallback.script = refuses(400, {}, { code: 'context_length_exceeded' });
    const refused = await pair.plain();
    expect(refused.response.status).toBe(400);
    expect(refused.text).toContain('context_length_exceeded');
  });

  it('13: a refusal for its content reaches the caller unchanged, after one attempt', async () => {
    primary(refuses(400, {}, { code: 'content_policy_violation' }));
    const { response, text } = await pair.plain();
    expect(response.status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { message: 'said 400', code: 'content_policy_violation' } });
    expect(pair.calls).toEqual([1, 0]);
  });

  it('14: a fallback is asked what the caller asked: never a prefix of the answer', async () => {
    primary((_request, response, socket) => {
      beginStream(response);
      response.write(event({ content: '' }), () => setTimeout(() => socket.destroy(), 20));
    });
    expect((await pair.stream()).text).toBe('fallback');
    const asked = JSON.parse(pair.fallback.received[0]!.body.toString()) as { messages: unknown };
    expect(asked.messages).toEqual(ASK.messages);
  });

  it('15: a primary that is down is left alone, all requests are answered, and it is used again soon after', async () => {
    primary((_request, _response, socket) => void socket.resetAndDestroy());
    const requests = 40;
    for (let sent = 0; sent < requests; sent++) {
      expect((await pair.plain()).text).toBe('fallback');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(pair.primary.received.length).toBeLessThanOrEqual(requests);
    primary(answers('primary'));
    await expect.poll(async () => (await pair.plain()).text, { timeout: 3_000 }).toBe('primary');
  });

  it('16: model, usage and attempts of the one that answered are what is accounted', async () => {
    primary(refuses(500));
    const response = await pair.gateway.post(ASK);
    const answer = await response.text();
    expect(JSON.parse(answer)).toMatchObject({ model: 'fallback', usage: { prompt_tokens: 3, completion_tokens: 5 } });
    const line = await pair.gateway.ledger(response.headers.get('x-request-id')!);
    expect(line).toMatchObject({ status: 200, provider: 'fallback', upstreamModel: 'fallback', attempts: 3 });
    expect(line).toMatchObject({ promptTokens: 3, completionTokens: 5, usageSource: 'reported', costUsd: '0.000008' });
  });
});
