import { type ManualClock } from './manual-clock.js';
import { type Provider } from '../../src/kernel/snapshot.js';
import { UpstreamFailure } from '../../src/kernel/upstream.js';
import { type UpstreamCall, type UpstreamTransport } from '../../src/providers/upstream-client.js';
import { ResponseHead } from '../../src/providers/response-head.js';
import { UpstreamExchange } from '../../src/providers/upstream-exchange.js';

/** What an upstream does with one call. */
export type Reply = (exchange: UpstreamExchange, clock: ManualClock) => void;

export interface FakeCall {
  readonly provider: string;
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Manual time at which it was sent, ms. */
  readonly at: number;
  aborted: boolean;
}

/** A network of upstreams that answer as the test says: each provider plays its replies in turn, the last one for ever. */
export class FakeNetwork implements UpstreamTransport {
  readonly calls: FakeCall[] = [];
  readonly #replies = new Map<string, Reply[]>();

  constructor(private readonly clock: ManualClock) {}

  script(provider: string, ...replies: Reply[]): this {
    this.#replies.set(provider, replies);
    return this;
  }

  get providers(): readonly string[] {
    return this.calls.map(({ provider }) => provider);
  }

  send(provider: Provider, call: UpstreamCall): UpstreamExchange {
    const exchange = new UpstreamExchange();
    const body = JSON.parse(call.body ? Buffer.concat(call.body).toString() : '{}') as Record<string, unknown>;
    const { method, path } = call;
    const record: FakeCall = { provider: provider.name, method, path, body, at: this.clock.now(), aborted: false };
    this.calls.push(record);
    exchange.control({ abort: () => (record.aborted = true), resume: () => undefined });
    const replies = this.#replies.get(provider.name) ?? [];
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    (reply ?? answer())(exchange, this.clock);
    return exchange;
  }
}

function send(exchange: UpstreamExchange, status: number, headers: Record<string, string>, text: string): void {
  const all = { 'content-type': 'application/json', ...headers };
  exchange.onHead(ResponseHead.of(status, all));
  exchange.onData(Buffer.from(text));
}

/** A complete plain answer, after a while. */
export function answer(content = 'Hello', afterMs = 0): Reply {
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  const body = { id: 'c1', object: 'chat.completion', created: 1_700_000_000, model: 'm', choices: [choice] };
  return (exchange, clock) => {
    const now = (): void => {
      send(exchange, 200, {}, JSON.stringify(body));
      exchange.onEnd();
    };
    if (afterMs > 0) clock.after(afterMs, now);
    else now();
  };
}

/** A stream that goes on until it is let go. */
export function openStream(content = 'Hello'): Reply {
  return (exchange) => {
    const chunk = { id: 'c1', choices: [{ index: 0, delta: { content }, finish_reason: null }] };
    send(exchange, 200, { 'content-type': 'text/event-stream' }, `data: ${JSON.stringify(chunk)}\n\n`);
  };
}

/** A whole stream: its first content after `firstMs`, its end `restMs` later. */
export function stream(content: string, firstMs: number, restMs: number): Reply {
  const piece = (delta: object, finish: string | null): Buffer =>
    Buffer.from(`data: ${JSON.stringify({ id: 'c1', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
  return (exchange, clock) => {
    clock.after(firstMs, () => {
      exchange.onHead(ResponseHead.of(200, { 'content-type': 'text/event-stream' }));
      exchange.onData(piece({ content }, null));
    });
    clock.after(firstMs + restMs, () => {
      exchange.onData(piece({}, 'stop'));
      exchange.onEnd();
    });
  };
}

/** An error in OpenAI's shape. */
export function refusal(status: number, headers: Record<string, string> = {}, error: object = {}): Reply {
  const body = { error: { message: `said ${status}`, type: 'some_error', param: null, code: null, ...error } };
  return (exchange) => {
    send(exchange, status, headers, JSON.stringify(body));
    exchange.onEnd();
  };
}

/** Accepts the call and says nothing. */
export const silence: Reply = () => undefined;

/** Drops the connection before an answer. */
export const reset: Reply = (exchange) => exchange.fail(new UpstreamFailure('fault', 'reset', 'same'));

/** A 200 that is no answer. */
export function body(text: string, headers: Record<string, string> = {}): Reply {
  return (exchange) => {
    send(exchange, 200, headers, text);
    exchange.onEnd();
  };
}
