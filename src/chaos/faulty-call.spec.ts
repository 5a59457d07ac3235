import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type ProviderFault } from '../config/chaos-experiment.js';
import { ResponseHead } from '../providers/response-head.js';
import { type TransportAnswer, withFaults } from './faulty-call.js';

const EVENTS = ['{"content":"Hi"}', '{"content":" you"}', '{"usage":{"prompt_tokens":7}}', '[DONE]'];
const STREAM = EVENTS.map((payload) => `data: ${payload}\n\n`).join('');

// eslint-disable-next-line @typescript-eslint/require-await
async function* bytes(text: string): AsyncGenerator<Buffer> {
  // Cut where no event ends, so that the faults must find the events themselves.
  for (let from = 0; from < text.length; from += 7) yield Buffer.from(text.slice(from, from + 7));
}

function attempt(fault: ProviderFault | undefined, options: { latencyMs?: number; body?: string } = {}) {
  const clock = new ManualClock();
  const controller = new AbortController();
  let calls = 0;
  const open = (): Promise<TransportAnswer> => {
    calls++;
    return Promise.resolve({ head: ResponseHead.of(200, {}), chunks: bytes(options.body ?? STREAM) });
  };
  const plan = { experiments: ['e'], latencyMs: options.latencyMs ?? 0, fault };
  const answer = withFaults(plan, clock, controller.signal, open);
  return { clock, controller, answer, calls: () => calls };
}

async function read(answer: Promise<TransportAnswer>): Promise<{ text: Buffer; error: unknown }> {
  const read: Buffer[] = [];
  try {
    for await (const chunk of (await answer).chunks) read.push(chunk);
    return { text: Buffer.concat(read), error: undefined };
  } catch (error) {
    return { text: Buffer.concat(read), error };
  }
}

describe('withFaults', () => {
  it('waits before it calls the upstream, and changes nothing else', async () => {
    const { clock, answer, calls } = attempt(undefined, { latencyMs: 300 });
    await clock.advance(299);
    expect(calls()).toBe(0);
    await clock.advance(1);
    expect((await read(answer)).text.toString()).toBe(STREAM);
  });

  it('stops waiting when the attempt is aborted', async () => {
    const { clock, controller, answer, calls } = attempt(undefined, { latencyMs: 300 });
    controller.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
    expect([calls(), clock.pending]).toEqual([0, 0]);
  });

  it.each<[ProviderFault, string]>([
    [{ type: 'connect_refused' }, 'ECONNREFUSED'],
    [{ type: 'abort' }, 'ECONNRESET'],
  ])('fails for %j without calling the upstream', async (fault, code) => {
    const { answer, calls } = attempt(fault);
    await expect(answer).rejects.toMatchObject({ code });
    expect(calls()).toBe(0);
  });

  it('answers an error in the upstream’s place', async () => {
    const { answer, calls } = attempt({ type: 'error', status: 429, body: 'no', retryAfter: '3' });
    const { head } = await answer;
    expect([head.status, head.get('retry-after')]).toEqual([429, '3']);
    expect((await read(answer)).text.toString()).toBe('no');
    expect(calls()).toBe(0);
  });

  it.each<[ProviderFault, string]>([
    [{ type: 'abort', afterBytes: 10 }, STREAM.slice(0, 10)],
    [{ type: 'abort', afterEvents: 2 }, STREAM.slice(0, STREAM.indexOf('data: {"usage'))],
  ])('breaks the connection for %j', async (fault, sent) => {
    const { text, error } = await read(attempt(fault).answer);
    expect(text.toString()).toBe(sent);
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('falls silent after some events until the attempt is aborted', async () => {
    const { clock, controller, answer } = attempt({ type: 'stall', afterEvents: 1 });
    const result = read(answer);
    await clock.advance(60_000);
    controller.abort(new Error('idle'));
    const { text, error } = await result;
    expect(text.toString()).toBe('data: {"content":"Hi"}\n\n');
    expect(error).toMatchObject({ message: 'idle' });
  });

  it('drips at its rate', async () => {
    const { clock, answer } = attempt({ type: 'slow_drip', bytesPerSecond: 10 });
    let done = false;
    const result = read(answer).finally(() => (done = true));
    const expectedMs = (STREAM.length / 10) * 1_000;
    await clock.advance(expectedMs - 200);
    expect(done).toBe(false);
    await clock.advance(400);
    expect((await result).text.toString()).toBe(STREAM);
  });

  it.each<[ProviderFault, string]>([
    [{ type: 'malformed_json' }, STREAM.replace('{', '{{')],
    [{ type: 'truncate' }, STREAM.replace('data: [DONE]\n\n', '')],
    [{ type: 'bad_usage' }, STREAM.replace('7', '-1')],
    [{ type: 'duplicate_chunk' }, `data: {"content":"Hi"}\n\n${STREAM}`],
    [{ type: 'huge_event', bytes: 3 }, STREAM.replace('\n\n', '\n\ndata: {"padding":"xxx"}\n\n')],
  ])('spoils the stream for %j', async (fault, expected) => {
    expect((await read(attempt(fault).answer)).text.toString()).toBe(expected);
  });

  it('puts half a character into the content', async () => {
    const { text } = await read(attempt({ type: 'invalid_utf8_split' }).answer);
    expect(text.length).toBe(STREAM.length + 2);
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(text)).toThrow();
  });

  it('cuts the last byte off a plain body', async () => {
    const { text } = await read(attempt({ type: 'truncate' }, { body: '{"id":"x"}' }).answer);
    expect(text.toString()).toBe('{"id":"x"');
  });
});
