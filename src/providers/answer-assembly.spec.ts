import { describe, expect, it } from 'vitest';
import { payloadsOf } from '../../test/support/http-response.js';
import { recordedExchange, type RecordedServer } from '../../test/support/recorded-exchange.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { AnswerAssembly } from './answer-assembly.js';

const SERVERS = ['vllm-0.32.0', 'llama-server'] as const;

interface Assembled {
  readonly object: string;
  readonly model?: string;
  readonly choices: readonly {
    readonly index: number;
    readonly message: Readonly<Record<string, unknown>>;
    readonly logprobs: { readonly content: readonly { readonly token: string }[] } | null;
    readonly finish_reason: string | null;
  }[];
  readonly usage?: Readonly<Record<string, unknown>>;
}

function assembled(payloads: readonly string[]): Assembled {
  const assembly = new AnswerAssembly(1_000_000);
  for (const payload of payloads) assembly.add(payload);
  return JSON.parse(assembly.json(undefined).toString()) as Assembled;
}

/** A recorded stream, put together. */
const recordedStream = (server: RecordedServer, name: string): Assembled =>
  assembled(payloadsOf(recordedExchange(server, name).response.body).filter((payload) => payload !== '[DONE]'));

const recordedPlain = (server: RecordedServer, name: string): Assembled =>
  JSON.parse(recordedExchange(server, name).response.body.toString()) as Assembled;

const delta = (members: object, more: object = {}): string =>
  JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta: members, finish_reason: null, ...more }] });

/** An upstream's own choice of members that say nothing. */
const told = (message: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(
    Object.entries(message).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)),
  );

describe('AnswerAssembly', () => {
  it.each(SERVERS)('puts a recorded stream together to the plain answer of the same engine (%s)', (server) => {
    const [stream, plain] = [recordedStream(server, 'stream_usage'), recordedPlain(server, 'nonstream')];
    expect(stream).toMatchObject({ object: 'chat.completion', model: plain.model });
    expect(stream.choices.map(({ index, finish_reason: reason }) => [index, reason])).toEqual([[0, 'stop']]);
    expect(told(stream.choices[0]!.message)).toEqual(told(plain.choices[0]!.message));
    const { prompt_tokens, completion_tokens, total_tokens } = plain.usage!;
    expect(stream.usage).toMatchObject({ prompt_tokens, completion_tokens, total_tokens });
  });

  it.each(SERVERS)('puts tool calls together from their pieces (%s)', (server) => {
    const [stream, plain] = [recordedStream(server, 'stream_tools_auto'), recordedPlain(server, 'tools_auto')];
    const calls = ({ choices: [choice] }: Assembled) =>
      choice!.message.tool_calls as { id: string; type: string; function: object }[];
    expect(calls(stream)).toEqual(calls(plain).map((call) => ({ ...call, id: expect.any(String) as string })));
    expect(calls(stream)[0]!.id).not.toBe('');
    expect(stream.choices[0]).toMatchObject({ message: { content: null }, finish_reason: 'tool_calls' });
  });

  it.each(SERVERS)('keeps the log probability of every token (%s)', (server) => {
    const { logprobs, message } = recordedStream(server, 'stream_logprobs').choices[0]!;
    const text = logprobs!.content.map(({ token }) => token).join('');
    expect(text.startsWith(message.content as string)).toBe(true);
  });

  it.each(SERVERS)('keeps choices apart (%s)', (server) => {
    const { choices } = recordedStream(server, 'stream_n2');
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    for (const { message, finish_reason: reason } of choices) {
      expect([typeof message.content, typeof reason]).toEqual(['string', 'string']);
    }
  });

  it('keeps members that it does not know, reasoning, refusals and old function calls', () => {
    const { choices, ...answer } = assembled([
      delta({ role: 'assistant', content: '', reasoning_content: 'I ' }),
      delta({ reasoning_content: 'think', refusal: 'No' }),
      delta({ refusal: ', no.', function_call: { name: 'f', arguments: '{"a"' } }),
      delta({ function_call: { arguments: ':1}' }, audio: { id: 'x' } }, { stop_reason: 7, finish_reason: 'stop' }),
      JSON.stringify({ choices: [], usage: { prompt_tokens: 1 }, timings: { n: 2 } }),
    ]);
    expect(answer).toEqual({
      id: 'c',
      object: 'chat.completion',
      model: 'm',
      usage: { prompt_tokens: 1 },
      timings: { n: 2 },
    });
    expect(choices).toEqual([
      {
        index: 0,
        message: {
          role: 'assistant',
          content: '',
          refusal: 'No, no.',
          reasoning_content: 'I think',
          function_call: { name: 'f', arguments: '{"a":1}' },
          audio: { id: 'x' },
        },
        logprobs: null,
        finish_reason: 'stop',
        stop_reason: 7,
      },
    ]);
  });

  it('tells the sum where an upstream counts each choice by itself', () => {
    const assembly = new AnswerAssembly(1_000);
    assembly.add(delta({ content: 'a' }, { finish_reason: 'stop' }));
    assembly.add('{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"own":1}}');
    const json = assembly.json({ promptTokens: 5, completionTokens: 3, cachedTokens: 0 }).toString();
    expect(JSON.parse(json)).toMatchObject({
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8, own: 1 },
    });
  });

  it('takes a member named __proto__ for a member', () => {
    const { choices } = assembled(['{"choices":[{"index":0,"delta":{"__proto__":{"role":"x"},"content":"a"}}]}']);
    expect(choices[0]!.message.role).toBe('assistant');
  });

  it.each([
    ['malformed', 'not JSON', 1_000],
    ['malformed', '[]', 1_000],
    ['too_large', delta({ content: 'a' }), 20],
  ] as const)('fails as %s for %s', (reason, payload, maxLength) => {
    const assembly = new AnswerAssembly(maxLength);
    let failure: unknown;
    try {
      assembly.add(payload);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(UpstreamFailure);
    expect(failure).toMatchObject({ outcome: 'fault', reason, retryable: 'elsewhere' });
  });
});
