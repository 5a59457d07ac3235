import { describe, expect, it } from 'vitest';
import { type AssembledAnswer, assemble, parseChunk, plainAnswer } from '../../test/support/assembled-answer.js';
import { chatRequest } from '../../test/support/chat-request.js';
import { targetOf } from '../../test/support/target.js';
import { type Target } from '../kernel/snapshot.js';
import {
  type AnswerFacts,
  type EncodeOptions,
  type FailureReason,
  type ProviderAdapter,
  type ResponseHeaders,
  type Retryable,
  UpstreamFailure,
} from '../kernel/upstream.js';
import { SseDecoder, type SseEvent } from './sse-decoder.js';

export interface ExpectedFailure {
  readonly outcome: UpstreamFailure['outcome'];
  readonly reason: FailureReason;
  readonly retryable: Retryable;
}

/** Exchanges of one wire format; every case runs as a test named after it. */
export interface AdapterFixtures {
  /** A request, and what the upstream must read (as toMatchObject) and miss. */
  readonly requests: readonly {
    readonly name: string;
    readonly body: object;
    readonly options?: Partial<EncodeOptions>;
    readonly sent: object;
    /** Members that must not be in what is sent. */
    readonly absent?: readonly string[];
    readonly dropped?: readonly string[];
  }[];
  /** Whole streams, as bytes after any transfer coding. At least one with tool calls. */
  readonly streams: readonly { readonly name: string; readonly bytes: Buffer; readonly expected: AssembledAnswer }[];
  readonly answers: readonly { readonly name: string; readonly bytes: Buffer; readonly expected: AssembledAnswer }[];
  /** Streams that hold an error event, and the content that came before it. */
  readonly brokenStreams: readonly {
    readonly name: string;
    readonly bytes: Buffer;
    readonly content: string;
    readonly failure: ExpectedFailure;
  }[];
  readonly errors: readonly {
    readonly name: string;
    readonly status: number;
    readonly headers?: ResponseHeaders;
    readonly bytes: Buffer;
    readonly failure: ExpectedFailure;
  }[];
}

const API_KEY = 'sk-contract-0123456789';
const PLAIN = { model: 'alias', messages: [{ role: 'user', content: 'Hi' }] };
const STREAM = { ...PLAIN, stream: true };
const WITH_USAGE = { ...STREAM, stream_options: { include_usage: true } };

/**
 * What every kind of the catalogue must keep, whatever its wire format: round trip of the request, streams fed with
 * a chunk boundary at every byte, tool calls, usage, errors.
 */
export function describeAdapterContract(adapter: ProviderAdapter, fixtures: AdapterFixtures): void {
  const target = targetOf(adapter.kind);
  const decode = (chunks: readonly Buffer[], body: object = WITH_USAGE) => decodeStream(adapter, target, chunks, body);

  describe(`adapter contract: ${adapter.kind}`, () => {
    describe('encode', () => {
      it.each(fixtures.requests)('$name', ({ body, options, sent, absent, dropped }) => {
        const request = chatRequest(body);
        const encoded = adapter.encode(request, target, { maxTokens: undefined, stream: request.stream, ...options });
        const json = JSON.parse(Buffer.concat(encoded.body).toString()) as Record<string, unknown>;
        expect(json).toMatchObject(sent);
        for (const name of absent ?? []) expect(json).not.toHaveProperty([name]);
        expect(encoded.droppedParams).toEqual(dropped ?? []);
      });

      it.each(fixtures.requests)('is repeatable, and leaves the request alone: $name', ({ body, options }) => {
        const request = chatRequest(body);
        const once = { maxTokens: undefined, stream: request.stream, ...options };
        const first = adapter.encode(request, target, once);
        expect(adapter.encode(request, target, once)).toEqual(first);
        expect(request).toEqual(chatRequest(body));
        expect(first.droppedParams).toEqual([...new Set(first.droppedParams)].sort());
      });

      it('names the target model, says whether to stream, and takes the cap', () => {
        for (const stream of [true, false]) {
          const { body, path } = adapter.encode(chatRequest(PLAIN), target, { maxTokens: 77, stream });
          const json = JSON.parse(Buffer.concat(body).toString()) as Record<string, unknown>;
          expect(path).toMatch(/^\/[a-z]/);
          expect(json.model).toBe('upstream-model');
          expect(json.stream ?? false).toBe(stream);
          expect(Object.values(json)).toContain(77);
        }
      });

      it('gives header names in lower case, and the credential in headers of its own only', () => {
        const credentials = adapter.credentials(API_KEY);
        const { headers } = adapter.encode(chatRequest(PLAIN), target, { maxTokens: undefined, stream: false });
        for (const name of [...Object.keys(headers), ...Object.keys(credentials)])
          expect(name).toBe(name.toLowerCase());
        expect(JSON.stringify(credentials)).toContain(API_KEY);
        expect(Object.keys(credentials).filter((name) => name in headers)).toEqual([]);
      });
    });

    describe.each(fixtures.streams)('stream: $name', ({ bytes, expected }) => {
      it('becomes chunks that a caller can assemble', () => {
        const { payloads, facts } = decode([bytes]);
        expectChunks(payloads);
        expect(assemble(payloads)).toEqual(answerOf(expected));
        expectFacts(facts, expected);
      });

      it('gives the same, wherever one boundary falls', () => {
        const whole = decode([bytes]);
        for (let at = 1; at < bytes.length; at++) {
          expect(decode([bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`).toEqual(whole);
        }
      });

      it('gives the same with a boundary at every byte', () => {
        expect(decode(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toEqual(decode([bytes]));
      });

      it('is not done before its end, and has failed at no point', () => {
        const decoder = adapter.decoder(chatRequest(WITH_USAGE), target);
        for (const [index, { data, event }] of eventsOf([bytes]).entries()) {
          expect(decoder.facts.done, `before event ${index}`).toBe(false);
          decoder.push(data, event, []);
          expect(decoder.facts.failure).toBeUndefined();
        }
        expect(decoder.facts.done).toBe(true);
      });

      it('withholds the usage chunk from a caller that did not ask, and knows usage all the same', () => {
        const { payloads, facts } = decode([bytes], STREAM);
        expect(payloads.map(parseChunk).filter(({ choices }) => choices.length === 0)).toEqual([]);
        expect(facts.usage).toEqual(expected.usage);
      });
    });

    it('has a stream with tool calls among its fixtures', () => {
      expect(fixtures.streams.some(({ expected }) => (expected.calls ?? []).length > 0)).toBe(true);
    });

    describe.each(fixtures.answers)('plain answer: $name', ({ bytes, expected }) => {
      it('becomes a chat completion', () => {
        const { json, facts } = adapter.decodeAnswer(bytes, chatRequest(PLAIN), target);
        expect(plainAnswer(json)).toEqual(answerOf(expected));
        expectFacts(facts, expected);
      });

      it('is malformed wherever it is cut', () => {
        const length = bytes.toString('latin1').trimEnd().length;
        for (let at = 0; at < length; at++) expectMalformed(adapter, target, bytes.subarray(0, at));
      });
    });

    it.each(['', 'null', '17', '"text"', '[]', '{}', '{"choices":[]}', '{"content":1}', '<html>502</html>'])(
      'takes %j for no answer',
      (text) => expectMalformed(adapter, target, Buffer.from(text)),
    );

    it.each(fixtures.brokenStreams)('error in a stream: $name', ({ bytes, content, failure }) => {
      const whole = decode([bytes]);
      expect(whole.facts.failure).toMatchObject(failure);
      expect(whole.facts.finished.size).toBe(0);
      expect(assemble(whole.payloads).content).toBe(content);
      for (const payload of whole.payloads) expect(parseChunk(payload)).not.toHaveProperty('error');
      expect(decode(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))).payloads).toEqual(whole.payloads);
    });

    it('takes a first event that is no event of this format for a failure', () => {
      for (const payload of ['', '<html>', '17', 'null', '{"choices":', '{"error":{"message":"broken"}}']) {
        expect(failureOf(adapter, target, payload), payload).toBeInstanceOf(UpstreamFailure);
      }
    });

    it.each(fixtures.errors)('error: $name', ({ status, headers, bytes, failure }) => {
      const classified = adapter.classify(status, headers ?? {}, bytes);
      expect(classified).toMatchObject({ ...failure, details: { status, headers: headers ?? {} } });
      expectErrorObject(classified);
    });

    it('classifies any status, whatever the body', () => {
      const bodies = [
        '',
        'null',
        '[]',
        '<html>',
        '{"error":null}',
        '{"error":"text"}',
        '{"error":{"type":7}}',
        '{"x":1}',
      ];
      for (const [status, failure] of STATUSES) {
        for (const text of bodies) {
          const classified = adapter.classify(status, {}, Buffer.from(text));
          expect(classified, `${status} ${text}`).toMatchObject(failure);
          expectErrorObject(classified);
        }
      }
    });
  });
}

/** What a status means by itself: the same for all wire formats. */
const STATUSES: readonly (readonly [number, Partial<ExpectedFailure>])[] = [
  [302, { outcome: 'fault', reason: 'configuration', retryable: 'elsewhere' }],
  [400, { outcome: 'ignored', reason: 'rejected', retryable: 'never' }],
  [401, { outcome: 'fault', reason: 'configuration', retryable: 'elsewhere' }],
  [403, { outcome: 'fault', reason: 'configuration', retryable: 'elsewhere' }],
  [404, { outcome: 'fault', reason: 'configuration', retryable: 'elsewhere' }],
  [408, { outcome: 'fault', retryable: 'same' }],
  [413, { outcome: 'ignored', reason: 'rejected', retryable: 'never' }],
  [422, { outcome: 'ignored', reason: 'rejected', retryable: 'never' }],
  [429, { outcome: 'throttle', reason: 'throttled', retryable: 'same' }],
  [500, { outcome: 'fault', reason: 'server_error', retryable: 'same' }],
  [502, { outcome: 'fault', reason: 'server_error', retryable: 'same' }],
  [503, { outcome: 'fault', reason: 'server_error', retryable: 'same' }],
  [504, { outcome: 'fault', reason: 'server_error', retryable: 'same' }],
  [529, { outcome: 'throttle', reason: 'overloaded', retryable: 'same' }],
];

function eventsOf(chunks: readonly Buffer[]): SseEvent[] {
  const sse = new SseDecoder();
  const events: SseEvent[] = [];
  for (const chunk of chunks) sse.push(chunk, events);
  sse.end(events);
  return events;
}

function decodeStream(adapter: ProviderAdapter, target: Target, chunks: readonly Buffer[], body: object) {
  const decoder = adapter.decoder(chatRequest(body), target);
  const payloads: string[] = [];
  for (const { data, event } of eventsOf(chunks)) decoder.push(data, event, payloads);
  return { payloads, facts: decoder.facts };
}

/** A decoder may throw or remember: the attempt treats both alike. */
function failureOf(adapter: ProviderAdapter, target: Target, payload: string): unknown {
  const decoder = adapter.decoder(chatRequest(STREAM), target);
  const out: string[] = [];
  try {
    decoder.push(payload, undefined, out);
  } catch (error) {
    return error;
  }
  expect(out).toEqual([]);
  return decoder.facts.failure;
}

function expectChunks(payloads: readonly string[]): void {
  const chunks = payloads.map(parseChunk);
  const { id, created, model } = chunks[0]!;
  expect(id).not.toBe('');
  expect(Number.isSafeInteger(created) && created > 1_500_000_000).toBe(true);
  for (const chunk of chunks) expect(chunk).toMatchObject({ id, created, model, object: 'chat.completion.chunk' });
  for (const payload of payloads) expect(payload).not.toMatch(/[\r\n]/);
  expect(chunks[0]!.choices[0]!.delta.role).toBe('assistant');
  const finished = chunks.flatMap(({ choices }) => choices).filter(({ finish_reason: reason }) => reason != null);
  expect(finished).toHaveLength(1);
  const usageChunks = chunks.filter(({ choices }) => choices.length === 0);
  if (usageChunks.length > 0) expect(usageChunks).toEqual([chunks.at(-1)]);
}

function answerOf(expected: AssembledAnswer): AssembledAnswer {
  return { ...expected, reasoning: expected.reasoning ?? '', calls: expected.calls ?? [] };
}

function expectFacts(facts: AnswerFacts, expected: AssembledAnswer): void {
  const { finishReason, model, usage } = expected;
  expect(facts).toMatchObject({ done: true, finishReason, model, failure: undefined });
  expect(facts.usage).toEqual(usage);
  expect([...facts.finished]).toEqual([0]);
  if (expected.content === '' && !expected.calls?.length) return;
  expect(facts.content).toBe(true);
  expect(facts.deltas).toBeGreaterThan(0);
  expect(facts.characters).toBeGreaterThanOrEqual(expected.content.length);
}

function expectMalformed(adapter: ProviderAdapter, target: Target, bytes: Buffer): void {
  let failure: unknown;
  try {
    adapter.decodeAnswer(bytes, chatRequest(PLAIN), target);
  } catch (error) {
    failure = error;
  }
  expect(failure).toBeInstanceOf(UpstreamFailure);
  expect(failure).toMatchObject({ outcome: 'fault', reason: 'malformed', retryable: 'elsewhere' });
}

/** Relayed to callers: OpenAI's four members, and no addresses. */
function expectErrorObject({ details: { error } }: UpstreamFailure): void {
  if (!error) return;
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect([typeof error.message, typeof error.type]).toEqual(['string', 'string']);
  for (const value of [error.param, error.code]) expect(value === null || typeof value === 'string').toBe(true);
  expect(error.message).not.toContain('://');
}
