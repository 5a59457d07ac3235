import { afterEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream, type UpstreamScript } from '../support/scripted-upstream.js';
import { beginStream, event, refuses } from '../support/upstream-scripts.js';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true };
const PRICE = { inputPerMillion: '1', outputPerMillion: '1' };
const KEY = 'the-secret-of-a-caller-with-a-budget';

interface PairTraits {
  readonly midStream: 'error' | 'resume' | 'hold';
  /** Whether the second target goes on from a prefix. */
  readonly continuesPrefix?: boolean;
  readonly idleMs?: number;
}

/** Two real upstreams, the second one a substitute. */
class Pair {
  private constructor(
    readonly first: ScriptedUpstream,
    readonly second: ScriptedUpstream,
    readonly gateway: GatewayProcess,
  ) {}

  static async start({ midStream, continuesPrefix = false, idleMs = 2_000 }: PairTraits): Promise<Pair> {
    const [first, second] = [await ScriptedUpstream.start(says('1')), await ScriptedUpstream.start(says('2'))];
    const provider = (name: string, { baseUrl }: ScriptedUpstream): object => ({
      name,
      kind: 'vllm',
      baseUrl,
      allowPrivate: true,
      probe: { enabled: false },
      timeouts: { idleMs },
    });
    const gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: {
          anonymous: { enabled: true, models: ['*'] },
          keys: [{ id: 'bounded', secret: KEY, models: ['*'], budgets: [{ scope: 'key', window: '1d', usd: '5' }] }],
        },
        providers: [provider('first', first), provider('second', second)],
        models: [
          {
            name: 'm',
            price: PRICE,
            targets: [
              { provider: 'first', model: 'm' },
              { provider: 'second', model: 'm', tier: 1, continuesPrefix },
            ],
          },
        ],
        resilience: { midStream, shedding: { enabled: false } },
      },
    });
    return new Pair(first, second, gateway);
  }

  async ask(body: object = ASK, headers: Record<string, string> = {}): Promise<Told> {
    const response = await this.gateway.post(body, headers);
    const raw = await response.text();
    return { response, raw, text: textOf(raw) };
  }

  /** What the second upstream was asked. */
  get asked(): Record<string, unknown>[] {
    return this.second.received.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway.stop(), this.first.stop(), this.second.stop()]);
  }
}

interface Told {
  readonly response: Response;
  readonly raw: string;
  readonly text: string;
}

function chunksOf(raw: string): { id: string; choices: { delta: { content?: string } }[] }[] {
  const lines = raw.split('\n\n').filter((line) => line.startsWith('data: {') && !line.includes('"error"'));
  return lines.map((line) => JSON.parse(line.slice(6)) as ReturnType<typeof chunksOf>[number]);
}

function textOf(raw: string): string {
  return chunksOf(raw)
    .map(({ choices: [choice] }) => choice?.delta.content ?? '')
    .join('');
}

/** A whole stream of these pieces. */
function says(...pieces: string[]): UpstreamScript {
  return (_request, response) => {
    beginStream(response);
    const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };
    const events = pieces.map((content) => event({ content })).join('') + event({}, 'stop', usage);
    response.end(`${events.replaceAll('"id":"c"', '"id":"other"')}data: [DONE]\n\n`);
  };
}

/** A stream that is cut after these deltas. */
function breaksAfter(...deltas: object[]): UpstreamScript {
  return (_request, response, socket) => {
    beginStream(response);
    const events = deltas.map((delta) => event(delta)).join('');
    response.write(events, () => setTimeout(() => socket.destroy(), 20));
  };
}

function expectError({ raw, text }: Told, sent: string): void {
  expect(text).toBe(sent);
  expect(raw.match(/data: \{"error"/g)).toHaveLength(1);
  expect(raw).not.toContain('[DONE]');
  expect(raw).not.toContain(': resumed');
}

describe('a stream that breaks after content', () => {
  let pair: Pair;
  afterEach(() => pair.stop());

  describe('with midStream: error', () => {
    it('ends with one error event; nobody else is asked, not even a target that could go on', async () => {
      pair = await Pair.start({ midStream: 'error', continuesPrefix: true });
      pair.first.script = breaksAfter({ content: 'Hello, ' });
      expectError(await pair.ask(), 'Hello, ');
      expect(pair.asked).toEqual([]);
    });
  });

  describe('with midStream: resume', () => {
    it('goes on by prefix at a target flagged for it: one id, one role, all words, both attempts charged', async () => {
      pair = await Pair.start({ midStream: 'resume', continuesPrefix: true });
      pair.first.script = breaksAfter({ content: 'Hello' }, { content: ', ' });
      pair.second.script = says('wor', 'ld!');
      const { response, raw, text } = await pair.ask({ ...ASK, max_tokens: 100 });
      expect(text).toBe('Hello, world!');
      expect(raw.endsWith(': resumed\n\ndata: [DONE]\n\n')).toBe(true);
      expect(raw.match(/"role"/g)).toHaveLength(1);
      expect(new Set(chunksOf(raw).map(({ id }) => id)).size).toBe(1);
      expect(raw).not.toContain('data: {"error"');
      expect(pair.asked).toMatchObject([
        {
          messages: [...ASK.messages, { role: 'assistant', content: 'Hello, ' }],
          continue_final_message: true,
          add_generation_prompt: false,
          max_tokens: 98,
        },
      ]);
      const line = await pair.gateway.ledger(response.headers.get('x-request-id')!);
      expect(line).toMatchObject({ end: 'completed', provider: 'second', attempts: 2, continued: 1 });
      // 2 events of the first, 20 reported tokens of the second.
      expect(line).toMatchObject({ completionTokens: 22, usageSource: 'estimated' });
      expect(Number(line.promptTokens)).toBeGreaterThan(10);
      const metrics = await pair.gateway.metrics();
      const attempts = [...metrics.keys()].filter((name) => name.startsWith('gateway_attempts_total'));
      expect(attempts.some((name) => name.includes('kind="resume"') && name.includes('outcome="success"'))).toBe(true);
      expect(attempts.some((name) => name.includes('kind="first"') && name.includes('outcome="fault"'))).toBe(true);
      expect(metrics.get('gateway_upstream_waste_nanodollars_total')).toBe(0);
    });

    it('goes on after a stall, too', async () => {
      pair = await Pair.start({ midStream: 'resume', continuesPrefix: true, idleMs: 200 });
      pair.first.script = (_request, response) => {
        beginStream(response);
        response.write(event({ content: 'Hello, ' }));
      };
      pair.second.script = says('world!');
      expect((await pair.ask()).text).toBe('Hello, world!');
      await pair.first.received[0]!.aborted;
    });

    it('goes on after a chunk that nobody can read', async () => {
      pair = await Pair.start({ midStream: 'resume', continuesPrefix: true });
      pair.first.script = (_request, response) => {
        beginStream(response);
        response.end(`${event({ content: 'Hello, ' })}data: {"choices":[{"del\n\n`);
      };
      pair.second.script = says('world!');
      expect((await pair.ask()).text).toBe('Hello, world!');
    });

    it('asks a target without the flag afresh, never with a prefix, and drops what was sent while it repeats it', async () => {
      pair = await Pair.start({ midStream: 'resume' });
      pair.first.script = breaksAfter({ content: 'Hello, ' }, { content: 'wor' });
      pair.second.script = says('Hel', 'lo, world', '!');
      const { raw, text } = await pair.ask();
      expect(text).toBe('Hello, world!');
      expect(raw.endsWith(': resumed\n\ndata: [DONE]\n\n')).toBe(true);
      expect(raw.match(/"role"/g)).toHaveLength(1);
      expect(pair.asked[0]).toMatchObject({ messages: ASK.messages });
      expect(pair.asked[0]).not.toHaveProperty('continue_final_message');
    });

    const different: Record<string, UpstreamScript> = {
      'says something else': says('Hello ', 'there'),
      'ends before it has repeated everything': says('Hello'),
      'calls a tool': (_request, response) => {
        beginStream(response);
        const call = { index: 0, id: 't', type: 'function', function: { name: 'f', arguments: '{}' } };
        response.end(`${event({ tool_calls: [call] })}${event({}, 'tool_calls')}data: [DONE]\n\n`);
      },
      refuses: refuses(500),
    };
    for (const [name, script] of Object.entries(different)) {
      it(`ends with the first error when the other one ${name}, without a word of it`, async () => {
        pair = await Pair.start({ midStream: 'resume' });
        pair.first.script = breaksAfter({ content: 'Hello, ' });
        pair.second.script = script;
        const told = await pair.ask();
        expectError(told, 'Hello, ');
        const line = await pair.gateway.ledger(told.response.headers.get('x-request-id')!);
        expect(line).toMatchObject({ end: 'broken', provider: 'first', continued: 0, completionTokens: 2 });
      });
    }

    it('ends with the error where a tool call has begun, or a thought is not over', async () => {
      pair = await Pair.start({ midStream: 'resume', continuesPrefix: true });
      const call = { index: 0, id: 't', type: 'function', function: { name: 'f', arguments: '{"a' } };
      pair.first.script = breaksAfter({ content: 'Hello, ' }, { tool_calls: [call] });
      expectError(await pair.ask(), 'Hello, ');
      pair.first.script = breaksAfter({ reasoning_content: 'The caller greets' });
      expectError(await pair.ask(), '');
      expect(pair.asked).toEqual([]);
    });

    it('ends with the error for a request that draws on a budget: its reservation covers one answer', async () => {
      pair = await Pair.start({ midStream: 'resume', continuesPrefix: true });
      pair.first.script = breaksAfter({ content: 'Hello, ' });
      expectError(await pair.ask(ASK, { authorization: `Bearer ${KEY}` }), 'Hello, ');
      expect(pair.asked).toEqual([]);
    });
  });

  describe('with midStream: hold', () => {
    it('has sent nothing, and so another target gives the whole answer', async () => {
      pair = await Pair.start({ midStream: 'hold' });
      pair.first.script = breaksAfter({ content: 'Hello, ' });
      pair.second.script = says('Good', ' day');
      const { response, raw, text } = await pair.ask();
      expect(text).toBe('Good day');
      expect(raw.match(/"role"/g)).toHaveLength(1);
      expect(raw.endsWith('data: [DONE]\n\n')).toBe(true);
      expect(response.headers.get('x-gateway-provider')).toBe('second');
      expect(response.headers.get('x-gateway-failed-providers')).toBe('first');
      const line = await pair.gateway.ledger(response.headers.get('x-request-id')!);
      expect(line).toMatchObject({ provider: 'second', completionTokens: 20, usageSource: 'reported' });
    });

    it('gives a whole answer that is larger than a socket holds', async () => {
      pair = await Pair.start({ midStream: 'hold' });
      const long = 'x'.repeat(1 << 19);
      pair.first.script = says(long, long);
      const { text } = await pair.ask();
      expect(text).toBe(long + long);
    });

    it('answers with a true status where every target breaks', async () => {
      pair = await Pair.start({ midStream: 'hold' });
      pair.first.script = breaksAfter({ content: 'Hello, ' });
      pair.second.script = breaksAfter({ content: 'Good' });
      const { response, raw } = await pair.ask();
      expect(response.status).toBe(502);
      expect(JSON.parse(raw)).toMatchObject({ error: { code: 'upstream_error' } });
    });
  });
});
