import { once } from 'node:events';
import { type ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASK, AttackedGateway, BEARER, PROVIDER_KEY, providerAt } from '../support/attacked-gateway.js';
import { payloadsOf } from '../support/http-response.js';
import { ScriptedUpstream, type UpstreamScript } from '../support/scripted-upstream.js';
import { answers, beginStream, event } from '../support/upstream-scripts.js';

const STREAM = { ...ASK, stream: true };
const MIB = 1 << 20;
const DEEP = 100_000;
const deep = `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`;
const deepObject = `${'{"__proto__":'.repeat(1_000)}{"polluted":1}${'}'.repeat(1_000)}`;
const GOOD = '{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}';

/** Answers with bytes of its own: what no HTTP library would send. */
const bytes =
  (...pieces: readonly string[]): UpstreamScript =>
  (_request, _response, socket) => {
    for (const piece of pieces) socket.write(Buffer.from(piece, 'latin1'));
  };
const json =
  (text: string, status = 200, headers: Record<string, string> = {}): UpstreamScript =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
const events =
  (...texts: readonly string[]): UpstreamScript =>
  (_request, response) => {
    beginStream(response);
    for (const text of texts) response.write(text);
    response.end();
  };

/** Writes until the gateway lets go, or `most` bytes are written. */
async function pourInto(response: ServerResponse, piece: string | Buffer, most: number): Promise<void> {
  const closed = once(response, 'close').catch(() => undefined);
  for (let poured = 0; poured < most && !response.destroyed; poured += piece.length) {
    if (!response.write(piece)) await Promise.race([once(response, 'drain').catch(() => undefined), closed]);
  }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const ANSWER = `{"choices":[${GOOD}]}`;
const LENGTH = `Content-Length: ${ANSWER.length}\r\n`;

/** Whether this Node writes JSON of any depth; older ones give up, and what cannot be written is a failed attempt. */
const WRITES_DEEP = ((): boolean => {
  try {
    return JSON.stringify(JSON.parse(deep)) === deep;
  } catch {
    return false;
  }
})();
const DEEP_ANSWERS: readonly (readonly [string, UpstreamScript])[] = [
  ['an unknown member 100,000 deep', json(`{"x":${deep},"choices":[${GOOD}]}`)],
];

/** Bytes that are no answer, each with why. */
const MALFORMED: readonly (readonly [string, UpstreamScript])[] = [
  ['a length and chunks', bytes(`${OK}${LENGTH}Transfer-Encoding: chunked\r\n\r\n${ANSWER}`)],
  ['two lengths', bytes(`${OK}Content-Length: 1\r\n${LENGTH}\r\n${ANSWER}`)],
  ['100,000 header lines', bytes(`${OK}${'x: 1\r\n'.repeat(100_000)}${LENGTH}\r\n${ANSWER}`)],
  ['a header of 1 MiB', bytes(`${OK}x: ${'x'.repeat(MIB)}\r\n${LENGTH}\r\n${ANSWER}`)],
  ['a header with a line feed', bytes(`${OK}x: a\nSet-Cookie: a=b\r\n${LENGTH}\r\n${ANSWER}`)],
  ['a header with a null byte', bytes(`${OK}x: a\0b\r\n${LENGTH}\r\n${ANSWER}`)],
  ['no HTTP at all', bytes('SSH-2.0-OpenSSH_9.9\r\n')],
  ['HTTP/0.9', bytes(ANSWER)],
  ['a switch to another protocol', bytes('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')],
  ['a status that there is not', bytes(`HTTP/1.1 999 x\r\n${LENGTH}\r\n${ANSWER}`)],
  ['chunks that are none', bytes(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n${ANSWER}\r\n0\r\n\r\n`)],
  ['a JSON value', json('7')],
  ['no choices', json('{"choices":[]}')],
  ['choices that are null', json('{"choices":[null]}')],
  ['a message that is a text', json('{"choices":[{"message":"x"}]}')],
  ['tool calls 100,000 deep', json(`{"model":"m","choices":[{"message":{"tool_calls":${deep}}}]}`)],
  ...(WRITES_DEEP ? [] : DEEP_ANSWERS),
  ['an error 100,000 deep', json(`{"error":{"x":${deep}}}`)],
  [
    'an answer of 64 MiB',
    async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      await pourInto(response, Buffer.alloc(MIB, ' '), 64 * MIB);
      response.end();
    },
  ],
  ['gzip', json('\x1f\x8b', 200, { 'content-encoding': 'gzip' })],
  ['gzip, 1,000 times', json('x', 200, { 'content-encoding': Array(1_000).fill('gzip').join(', ') })],
  ['an encoding that nobody knows', json('x', 200, { 'content-encoding': 'x' })],
  ['a redirect to another host', json('', 302, { location: 'http://169.254.169.254/latest/meta-data/' })],
];

const STREAMS: readonly (readonly [string, UpstreamScript])[] = [
  ['choices that are null', events('data: {"choices":[null]}\n\n')],
  ['an index that is a text', events('data: {"choices":[{"index":"a","delta":{"content":"x"}}]}\n\n')],
  ['an index that is negative', events('data: {"choices":[{"index":-1,"delta":{"content":"x"}}]}\n\n')],
  ['an index without bound', events('data: {"choices":[{"index":1e300,"delta":{"content":"x"}}]}\n\n')],
  ['tool calls 100,000 deep', events(`data: {"choices":[{"index":0,"delta":{"tool_calls":${deep}}}]}\n\n`)],
  ['an event 100,000 deep', events(`data: ${deep}\n\n`)],
  [
    'a line without end',
    async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      await pourInto(response, Buffer.alloc(64 << 10, 'x'), 64 * MIB);
    },
  ],
  [
    'an event of lines without end',
    async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      await pourInto(response, `data: ${'x'.repeat(1_000)}\n`, 64 * MIB);
    },
  ],
  [
    'comments without end',
    async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write(': x\n'), 1);
      await once(response, 'close');
      clearInterval(timer);
    },
  ],
  [
    'a million events without content',
    async (_request, response) => {
      beginStream(response);
      await pourInto(response, event({}).repeat(100), 100 * MIB);
    },
  ],
];

describe('an upstream that means no good', () => {
  let rig: AttackedGateway;
  let good: ScriptedUpstream;
  let elsewhere: ScriptedUpstream;
  beforeAll(async () => {
    [good, elsewhere] = [await ScriptedUpstream.start(answers('good')), await ScriptedUpstream.start(answers('evil'))];
    const timeouts = { firstTokenMs: 1_500, idleMs: 1_500, totalMs: 5_000 };
    rig = await AttackedGateway.start((bad) => ({
      providers: [
        providerAt('bad', bad, { timeouts }),
        providerAt('good', good, { weight: 0 }),
        providerAt('claude', bad, { timeouts, kind: 'anthropic' }),
      ],
      models: [
        {
          name: 'm',
          targets: [
            { provider: 'bad', model: 'm' },
            { provider: 'good', model: 'm', tier: 1 },
          ],
        },
        { name: 'alone', targets: [{ provider: 'bad', model: 'm' }] },
        { name: 'claude', targets: [{ provider: 'claude', model: 'm' }] },
        { name: 'filtered', output: { maxCharacters: 3 }, targets: [{ provider: 'bad', model: 'm' }] },
      ],
      resilience: { maxAttempts: 4, breaker: { enabled: false }, shedding: { enabled: false } },
    }));
  });
  afterAll(async () => {
    await rig.stop();
    await good.stop();
    await elsewhere.stop();
  });
  beforeEach(() => {
    rig.reset();
    good.received.length = elsewhere.received.length = 0;
  });

  const post = (body: object): Promise<Response> => rig.gateway.post(body, BEARER);

  it.each(MALFORMED)('that answers with %s has failed, and another answers', async (_what, script) => {
    rig.reset(script);
    const response = await post(ASK);
    expect([response.status, response.headers.get('x-gateway-provider')]).toEqual([200, 'good']);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'good' } }] });
    rig.reset(script);
    const alone = await post({ ...ASK, model: 'alone' });
    expect([502, 504]).toContain(alone.status);
    expect(await alone.text()).not.toMatch(/internal_error|169\.254|127\.0\.0\.1/);
  });

  it.each(STREAMS)('that streams %s has failed, and another streams', async (_what, script) => {
    rig.reset(script);
    const response = await post(STREAM);
    expect([response.status, response.headers.get('x-gateway-provider')]).toEqual([200, 'good']);
    expect(payloadsOf(Buffer.from(await response.text())).at(-1)).toBe('[DONE]');
  });

  it.each<[string, UpstreamScript]>([
    [
      'an event of 20 MiB',
      (_request, response) => {
        beginStream(response);
        response.write(event({ content: 'first' }));
        void pourInto(
          response,
          Buffer.concat([Buffer.from('data: '), Buffer.alloc(20 * MIB, 'x'), Buffer.from('\n\n')]),
          MIB,
        );
      },
    ],
    [
      'a line without end',
      async (_request, response) => {
        beginStream(response);
        response.write(event({ content: 'first' }));
        await pourInto(response, Buffer.alloc(64 << 10, 'x'), 1 << 30);
      },
    ],
    [
      'an index without bound',
      events(event({ content: 'first' }), 'data: {"choices":[{"index":1e300}],"usage":{}}\n\n'),
    ],
    ['choices that are null', events(event({ content: 'first' }), 'data: {"choices":[null],"usage":{}}\n\n')],
    ['an error 100,000 deep', events(event({ content: 'first' }), `data: {"error":{"x":${deep}}}\n\n`)],
  ])('that sends %s after its first content: one error event, and no [DONE]', async (_what, script) => {
    rig.reset(script);
    const payloads = payloadsOf(Buffer.from(await (await post(STREAM)).text()));
    expect(payloads.join()).toContain('first');
    expect(JSON.parse(payloads.at(-1)!)).toMatchObject({ error: { code: 'upstream_error' } });
    expect(payloads.filter((payload) => payload.startsWith('{"error"'))).toHaveLength(1);
    expect(good.received).toEqual([]);
  });

  it.runIf(WRITES_DEEP).each(DEEP_ANSWERS)('that answers with %s is passed on', async (_what, script) => {
    rig.reset(script);
    const response = await post(ASK);
    expect([response.status, response.headers.get('x-gateway-provider')]).toEqual([200, 'bad']);
    expect(await response.text()).toContain(deep);
  });

  it.each([ASK, STREAM])('whose answer is too deep to be filtered has failed, or is filtered: %j', async (ask) => {
    const chunk = event({ content: 'long enough' }).replace('{"id"', `{"x":${deep},"id"`);
    rig.reset(
      'stream' in ask
        ? events(chunk, event({}, 'stop'))
        : json(`{"x":${deep},"model":"m","choices":[${GOOD.replace('"x"', '"long"')}]}`),
    );
    const text = await (await post({ ...ask, model: 'filtered' })).text();
    expect(text).toContain(WRITES_DEEP ? '"finish_reason":"length"' : 'upstream_error');
    expect(text).not.toContain('internal_error');
  });

  it('that sends 1,000 interim answers first is waited for as long as any other', async () => {
    rig.reset((_request, _response, socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(1_000));
      socket.end(`${OK}${LENGTH}Connection: close\r\n\r\n${ANSWER}`);
    });
    expect((await post(ASK)).status).toBe(200);
  });

  it('that splits its answer in two: the second half reaches nobody', async () => {
    rig.reset(bytes(`${OK}${LENGTH}\r\n${ANSWER}${OK}Content-Length: 6\r\n\r\nhidden`));
    const texts = [await (await post(ASK)).text(), await (await post(ASK)).text(), await (await post(ASK)).text()];
    expect(texts.join()).not.toContain('hidden');
  });

  it.each([301, 302, 303, 307, 308])(
    'that redirects with %i is not followed, and the key goes nowhere',
    async (status) => {
      rig.reset(json('', status, { location: `${elsewhere.baseUrl}/chat/completions` }));
      for (const ask of [ASK, STREAM]) expect((await post({ ...ask, model: 'alone' })).status).toBe(502);
      expect(elsewhere.received).toEqual([]);
    },
  );

  it.each([
    [
      'members that are prototypes',
      `{"choices":[${GOOD}],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`,
    ],
    ['prototypes in prototypes', `{"choices":[${GOOD}],"x":${deepObject}}`],
    ['usage that is a text', `{"choices":[${GOOD}],"usage":"many"}`],
    ['usage that is no number', `{"choices":[${GOOD}],"usage":{"prompt_tokens":"7","completion_tokens":null}}`],
    ['usage without bound', `{"choices":[${GOOD}],"usage":{"prompt_tokens":1e308,"completion_tokens":-5}}`],
  ])('that answers with %s: answered, and accounted in numbers', async (what, text) => {
    rig.reset(json(text));
    const id = `told-${what.replaceAll(' ', '-')}`;
    const response = await rig.gateway.post({ ...ASK, model: 'alone' }, { ...BEARER, 'x-request-id': id });
    expect([response.status, await response.json()]).toEqual([200, expect.objectContaining({ model: 'm' })]);
    const { promptTokens, completionTokens } = await rig.gateway.ledger(id);
    for (const tokens of [promptTokens, completionTokens]) {
      expect(Number.isSafeInteger(tokens) && (tokens as number) >= 0 && (tokens as number) < 1_000).toBe(true);
    }
  });

  it.each<[string, string]>([
    [
      'in the message',
      JSON.stringify({ error: { message: `key ${PROVIDER_KEY} at http://10.1.2.3:8000/v1?x=1`, type: 'x' } }),
    ],
    [
      'in type and code',
      JSON.stringify({ error: { message: 'x', type: PROVIDER_KEY, code: PROVIDER_KEY, param: PROVIDER_KEY } }),
    ],
    ['at the end of what is told', JSON.stringify({ error: { message: `${'x'.repeat(985)}${PROVIDER_KEY}` } })],
    ['as a text', JSON.stringify({ error: `Bearer ${PROVIDER_KEY} https://internal.example/v1` })],
    [
      'as a detail',
      JSON.stringify({ detail: [{ msg: `Bearer ${PROVIDER_KEY}`, url: 'grpc+tls://internal.example' }] }),
    ],
    ['in a page', `<html>${PROVIDER_KEY} http://internal.example</html>`],
  ])('that quotes our key and addresses %s: neither is told or logged', async (_where, text) => {
    for (const model of ['alone', 'claude']) {
      for (const status of [400, 401, 403, 404, 422, 500, 200]) {
        rig.reset(json(text, status));
        const told = await (await post({ ...ASK, model })).text();
        expect(told).not.toMatch(/internal\.example|10\.1\.2\.3/);
        expect(told).not.toContain(PROVIDER_KEY.slice(0, 12));
      }
    }
    const logged = JSON.stringify(rig.gateway.log) + rig.gateway.stderr;
    expect(logged).not.toMatch(/internal\.example|10\.1\.2\.3/);
    expect(logged).not.toContain(PROVIDER_KEY);
  });

  it('whose error is a long word: told, bounded', async () => {
    rig.reset(json(JSON.stringify({ error: { message: 'a.'.repeat(30_000) } }), 400));
    const response = await post({ ...ASK, model: 'alone' });
    expect(response.status).toBe(400);
    expect((await response.text()).length).toBeLessThan(1_200);
  });

  it('leaves a gateway that serves, holds nothing, and has had no error of its own', async () => {
    rig.reset();
    expect((await post({ ...ASK, model: 'alone' })).status).toBe(200);
    while ((await rig.gateway.metrics()).get('gateway_in_flight_requests') !== 0);
    expect(rig.gateway.exited).toBe(false);
    expect(rig.gateway.log.filter(({ level, code }) => level === 'error' || code === 'internal_error')).toEqual([]);
    expect(rig.gateway.stderr).not.toMatch(/Unhandled|Warning/);
  });
});
