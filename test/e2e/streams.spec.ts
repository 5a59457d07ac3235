import { type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { payloadsOf } from '../support/http-response.js';
import { RawConnection, requestBytes } from '../support/raw-connection.js';
import { ScriptedUpstream, type UpstreamScript } from '../support/scripted-upstream.js';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
const STREAM = { ...ASK, stream: true };
const LINE = 'POST /v1/chat/completions HTTP/1.1';

const event = (payload: unknown): string => `data: ${JSON.stringify(payload)}\n\n`;
const chunk = (delta: object, finish: string | null = null): string =>
  event({
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'up',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
const ROLE = chunk({ role: 'assistant', content: '' });
const TEXT = chunk({ content: 'first' });
const END = chunk({}, 'stop');
const DONE = 'data: [DONE]\n\n';
const ANSWER = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'up',
  choices: [{ index: 0, message: { role: 'assistant', content: 'second' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

function begin(response: ServerResponse, ...events: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const text of events) response.write(text);
}

/** A healthy upstream, in the mode that it is asked for. */
const healthy: UpstreamScript = (request, response) => {
  if (!request.body.includes('"stream":true')) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
    return;
  }
  begin(response, ROLE, chunk({ content: 'second' }), END);
  response.end(DONE);
};

describe('streams', () => {
  let first: ScriptedUpstream;
  let second: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    first = await ScriptedUpstream.start(healthy);
    second = await ScriptedUpstream.start(healthy);
    const provider = (name: string, baseUrl: string) => ({
      name,
      kind: 'openai',
      baseUrl,
      apiKey: `key-of-${name}`,
      allowPrivate: true,
      probe: { enabled: false },
      timeouts: { firstTokenMs: 500, idleMs: 400 },
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        providers: [
          provider('first', first.baseUrl),
          { ...provider('second', second.baseUrl), weight: 0 },
          { ...provider('claude', first.baseUrl), kind: 'anthropic' },
          { ...provider('patient', first.baseUrl), timeouts: { firstTokenMs: 20_000, idleMs: 20_000 } },
        ],
        models: [
          { name: 'm', targets: ['first', 'second'].map((name) => ({ provider: name, model: 'up' })) },
          { name: 'alone', targets: [{ provider: 'first', model: 'alone' }] },
          { name: 'claude', targets: [{ provider: 'claude', model: 'c' }] },
          { name: 'patient', targets: [{ provider: 'patient', model: 'patient' }] },
        ],
        resilience: { breaker: { enabled: false }, shedding: { enabled: false } },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await first.stop();
    await second.stop();
  });
  beforeEach(() => {
    first.script = healthy;
    first.received.length = second.received.length = 0;
  });

  async function read(response: Response): Promise<readonly string[]> {
    return payloadsOf(Buffer.from(await response.text()));
  }

  function expectBroken(payloads: readonly string[], code: string): void {
    expect(payloads.filter((payload) => payload.startsWith('{"error"'))).toHaveLength(1);
    expect(JSON.parse(payloads.at(-1)!)).toMatchObject({ error: { type: 'server_error', code } });
    expect(payloads).not.toContain('[DONE]');
  }

  describe('whose caller leaves: the upstream is let go', () => {
    const scripts: Readonly<Record<string, [object, UpstreamScript, RegExp]>> = {
      'before the first content': [{ stream: true }, (_request, response) => begin(response, ROLE), /^$/],
      'in the middle of a stream': [{ stream: true }, (_request, response) => begin(response, ROLE, TEXT), /first/],
      'before a plain answer': [{}, () => undefined, /^$/],
      'in the middle of a plain answer': [
        {},
        (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
        /^$/,
      ],
    };

    it.each(Object.keys(scripts))('%s', async (when) => {
      const [more, script, seen] = scripts[when]!;
      const id = `left-${when.replaceAll(' ', '-')}`;
      const reached = new Promise<void>((resolve) => {
        first.script = async (...call) => {
          await script(...call);
          resolve();
        };
      });
      const body = JSON.stringify({ ...ASK, model: 'patient', ...more });
      const connection = await RawConnection.open(gateway.publicUrl);
      connection.send(requestBytes(LINE, ['Content-Type: application/json', `X-Request-ID: ${id}`], body));
      await reached;
      await connection.until(seen);
      connection.destroy();
      await first.received[0]!.aborted;
      expect(await gateway.ledger(id)).toMatchObject({ end: 'cancelled' });
      expect(first.received).toHaveLength(1);
      expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
    });
  });

  describe('that break after their first content end with one error event', () => {
    it.each<[string, string, (response: ServerResponse) => void]>([
      ['the connection is cut', 'upstream_error', (response) => response.socket!.destroy()],
      [
        'an error event',
        'upstream_error',
        (response) => response.end(event({ error: { message: 'x', code: 500 } }) + DONE),
      ],
      ['silence', 'upstream_timeout', () => undefined],
      [
        'comments only',
        'upstream_timeout',
        (response) => {
          const timer = setInterval(() => response.write(': still here\n\n'), 50);
          response.on('close', () => clearInterval(timer));
        },
      ],
      ['a usage that is no JSON', 'upstream_error', (response) => response.end('data: {"usage":{,}\n\n')],
      ['an end without a finish_reason', 'upstream_error', (response) => response.end()],
      ['[DONE] without a finish_reason', 'upstream_error', (response) => response.end(DONE)],
      [
        'an event of more than 1 MiB',
        'upstream_error',
        (response) => response.end(chunk({ content: 'x'.repeat(1 << 20) }) + END + DONE),
      ],
    ])('%s', async (_what, code, go) => {
      first.script = (_request, response) => {
        begin(response, ROLE, TEXT);
        setTimeout(() => go(response), 20);
      };
      const response = await gateway.post({ ...STREAM, model: 'alone' });
      expect(response.status).toBe(200);
      expectBroken(await read(response), code);
    });
  });

  describe('are judged by all that one read brings, not by its beginning', () => {
    const framed = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

    /** A stream whose upstream goes on, in one write, when its caller has the first words. */
    async function goesOn(writes: (response: ServerResponse, socket: Socket) => void): Promise<readonly string[]> {
      let goOn = (): void => undefined;
      first.script = (_request, response, socket) => {
        begin(response, ROLE, TEXT);
        goOn = () => writes(response, socket);
      };
      const { body } = await gateway.post({ ...STREAM, model: 'alone' });
      let text = '';
      for await (const piece of body!) {
        if (text === '') goOn();
        text += Buffer.from(piece as Uint8Array).toString();
      }
      return payloadsOf(Buffer.from(text));
    }

    it.each([
      ['its end and its [DONE]', framed(END + DONE)],
      ['more text', framed(TEXT)],
    ])('%s, and bytes that are no chunk: broken, as if they had come alone', async (_what, good) => {
      const payloads = await goesOn((_response, socket) => void socket.write(`${good}no chunk\r\n`));
      expectBroken(payloads, 'upstream_error');
      expect(payloads).toHaveLength(3);
    });

    it('an error, and the end of the answer: the connection is used again', async () => {
      const sockets = new Set<unknown>();
      const error = event({ error: { message: 'x', type: 'server_error' } });
      for (let times = 0; times < 3; times++) {
        expectBroken(await goesOn((response) => void response.end(error)), 'upstream_error');
        sockets.add(first.lastSocket);
      }
      expect(sockets.size).toBe(1);
    });
  });

  it('whose first words fill the socket go on when the caller has read them', async () => {
    const large = chunk({ content: 'x'.repeat(1 << 19) });
    first.script = (_request, response) => {
      begin(response, large, TEXT, END);
      response.end(DONE);
    };
    const payloads = await read(await gateway.post({ ...STREAM, model: 'patient' }));
    expect(payloads).toEqual([...[large, TEXT, END].map((text) => text.slice(6, -2)), '[DONE]']);
  });

  it('that end well without [DONE] get it', async () => {
    first.script = (_request, response) => {
      begin(response, ROLE, TEXT, END);
      response.end();
    };
    const payloads = await read(await gateway.post({ ...STREAM, model: 'alone' }));
    expect(payloads.slice(-2)).toEqual([END.slice(6, -2), '[DONE]']);
  });

  describe('that fail before their first content: another target answers, as if it had been the first', () => {
    const failures: readonly [string, UpstreamScript][] = [
      ['status 500', (_request, response) => void response.writeHead(500).end('{"error":"x"}')],
      ['a reset', (_request, _response, socket) => void socket.resetAndDestroy()],
      ['silence', () => undefined],
      ['a role and silence', (_request, response) => begin(response, ROLE)],
      [
        'a role and a cut',
        (_request, response, socket) => {
          begin(response, ROLE);
          setTimeout(() => socket.destroy(), 20);
        },
      ],
      [
        'an HTML page',
        (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      ],
      [
        'events that are no JSON',
        (_request, response) => {
          begin(response, 'data: <html>\n\n');
          response.end();
        },
      ],
      [
        'an error in a 200',
        (_request, response) => {
          begin(response, event({ error: { message: 'x', type: 'server_error' } }));
          response.end(DONE);
        },
      ],
      [
        'a compressed answer',
        (_request, response) =>
          void response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }).end('x'),
      ],
      ['a redirect', (_request, response) => void response.writeHead(307, { location: second.baseUrl }).end()],
      [
        '2,000 events without content',
        (_request, response) => {
          begin(response, ROLE.repeat(2_000));
        },
      ],
    ];

    it.each(failures)('%s', async (what, script) => {
      first.script = script;
      const response = await gateway.post(STREAM, { 'x-provider-priority': 'first' });
      expect([response.status, response.headers.get('x-gateway-attempts')]).toEqual([200, '2']);
      expect(response.headers.get('x-gateway-failed-providers')).toBe('first');
      expect(response.headers.get('x-gateway-provider')).toBe('second');
      const own = [ROLE, chunk({ content: 'second' }), END].map((text) => text.slice(6, -2));
      expect(await read(response)).toEqual([...own, '[DONE]']);
      expect(second.received).toHaveLength(1);
      // A pooled connection that dies under a request is replaced once, unseen.
      expect(first.received.length).toBeLessThanOrEqual(what === 'a reset' ? 2 : 1);
    });
  });

  it('to a reader that does not read: the upstream is held up, and the gateway does not fill', async () => {
    const text = chunk({ content: 'x'.repeat(64 << 10) });
    let written = 0;
    let held = (): void => undefined;
    const full = new Promise<void>((resolve) => (held = resolve));
    first.script = async (_request, response) => {
      begin(response, ROLE);
      while (written++ < 1_600) {
        if (response.write(text)) continue;
        const drained = new Promise<boolean>((resolve) => {
          response.once('drain', () => resolve(true));
          setTimeout(() => resolve(false), 1_000);
        });
        if (!(await drained)) break;
      }
      held();
      await new Promise<void>((resolve) => response.once('drain', resolve));
      response.end(END + DONE);
    };
    const connection = await RawConnection.open(gateway.publicUrl);
    connection.socket.pause();
    connection.send(
      requestBytes(LINE, ['Content-Type: application/json'], JSON.stringify({ ...STREAM, model: 'patient' })),
    );
    await full;
    // 100 MiB were on offer: what was taken is what sockets and one bounded buffer hold.
    expect(written).toBeLessThan(800);
    connection.socket.resume();
    const answer = await connection.answer();
    expect(payloadsOf(answer.body)).toHaveLength(written + 3);
    expect(payloadsOf(answer.body).at(-1)).toBe('[DONE]');
    connection.destroy();
  });

  it.each([ASK, STREAM])("an upstream's headers do not pass: %j", async (ask) => {
    const hostile = {
      'set-cookie': 'a=b',
      'x-request-id': 'theirs',
      'x-should-retry': 'true',
      'access-control-allow-origin': '*',
      'x-gateway-provider': 'theirs',
      'x-ratelimit-remaining-requests': '0',
      'cache-control': 'public',
      server: 'theirs',
    };
    first.script = (request, response, socket) => {
      for (const [name, value] of Object.entries(hostile)) response.setHeader(name, value);
      return healthy(request, response, socket);
    };
    const { headers } = await gateway.post({ ...ask, model: 'alone' });
    for (const [name, value] of Object.entries(hostile)) expect(headers.get(name)).not.toBe(value);
  });

  it('an error that quotes our credential and an address passes neither on', async () => {
    first.script = (_request, response) => {
      const message = 'wrong key key-of-first at http://10.0.0.7:8000/v1';
      response.writeHead(400).end(JSON.stringify({ error: { message, type: 'invalid_request_error' } }));
    };
    const response = await gateway.post({ ...ASK, model: 'alone' }, { 'x-request-id': 'quoted' });
    const text = await response.text();
    expect([response.status, text]).toEqual([400, expect.stringContaining('[redacted]')]);
    await gateway.ledger('quoted');
    expect(text + JSON.stringify(gateway.log) + gateway.stderr).not.toMatch(/key-of-first|10\.0\.0\.7/);
  });

  it('upstreams that close their connections as they like: 300 requests, no visible error', async () => {
    first.script = (_request, response, socket) => {
      // After every third answer, at once or a moment later, and without a word in the headers.
      const turn = first.received.length % 6;
      response.on('finish', () => {
        if (turn === 0) socket.destroy();
        if (turn === 3) setTimeout(() => socket.destroy(), 3);
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
    };
    const statuses: number[] = [];
    const worker = async (): Promise<void> => {
      while (statuses.length < 300) {
        const response = await gateway.post({ ...ASK, model: 'alone' });
        await response.text();
        statuses.push(response.status);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  it('a provider that cannot take a member: the answer names what was dropped', async () => {
    first.script = (_request, response) => {
      const content = [{ type: 'text', text: 'Hi' }];
      const usage = { input_tokens: 1, output_tokens: 1 };
      const message = {
        id: 'msg',
        type: 'message',
        role: 'assistant',
        model: 'c',
        content,
        stop_reason: 'end_turn',
        usage,
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(message));
    };
    const response = await gateway.post({ ...ASK, model: 'claude', seed: 5, logit_bias: { 7: 1 } });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-gateway-dropped-params')?.split(',').sort()).toEqual(['logit_bias', 'seed']);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] });
  });

  describe('what goes upstream', () => {
    const strange =
      '{ "model":"alone",\t"messages":[ {"role":"user","content":"\\u0048i","x":1e2} ] , "chat_template_kwargs":{"a":[1.0,-0]},"top_k":1E+2,"temperature":0.10 }';

    it('a request in which nothing changes: the same bytes', async () => {
      await (await gateway.post(strange)).text();
      expect(first.received[0]!.body.toString()).toBe(strange);
    });

    it('another model name: all other members keep their bytes', async () => {
      await (await gateway.post(strange.replace('alone', 'patient'))).text();
      const renamed = first.received[0]!.body.toString();
      first.received.length = 0;
      await (await gateway.post(strange.replace('alone', 'm'))).text();
      const members = /"messages":.*"temperature":0.10/.exec(strange)![0];
      for (const body of [renamed, first.received[0]!.body.toString()]) {
        for (const member of members.split(/\s*,\s*(?="(?:chat|top|temp))/)) expect(body).toContain(member);
      }
      expect(JSON.parse(first.received[0]!.body.toString())).toMatchObject({ model: 'up' });
    });

    it('a stream: usage is asked for, and the cap is named as the provider names it', async () => {
      await (await gateway.post({ ...STREAM, model: 'alone', max_tokens: 7, seed: 5 })).text();
      const sent = JSON.parse(first.received[0]!.body.toString()) as object;
      const kept = { ...STREAM, model: 'alone', seed: 5, stream_options: { include_usage: true } };
      expect(sent).toEqual({ ...kept, max_completion_tokens: 7 });
    });
  });
});
