import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/config/yaml-document.js';
import { ASK, AttackedGateway, BEARER, chatBytes, KEY } from '../support/attacked-gateway.js';
import { RawConnection } from '../support/raw-connection.js';

const BANNED = 'forbidden';
const small = JSON.stringify(ASK);
const withMember = (text: string): string => `${small.slice(0, -1)},${text}}`;
const nested = (open: string, close: string, depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`;
const deepTools = `"tools":[{"type":"function","function":{"name":"f","parameters":${nested('{"properties":', '}', 40)}}}]`;

describe('bodies that mean no good', () => {
  let rig: AttackedGateway;
  beforeAll(async () => {
    rig = await AttackedGateway.start(() => ({
      auth: {
        keys: [
          {
            id: 'tests',
            secret: KEY,
            limits: { maxTokensPerRequest: 100 },
            budgets: [{ scope: 'key', window: '1d', usd: '1' }],
          },
        ],
      },
      models: [
        {
          name: 'm',
          targets: [{ provider: 'up', model: 'm' }],
          price: { inputPerMillion: '1', cachedInputPerMillion: '1', outputPerMillion: '1' },
        },
      ],
      guardrails: { input: { bannedWords: [BANNED] } },
    }));
  });
  afterAll(() => rig.stop());
  beforeEach(() => rig.reset());

  async function ask(
    body: string | Buffer,
  ): Promise<{ status: number; code: string | undefined; sent: string | undefined }> {
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    const answer = await connection.send(chatBytes(body)).answer();
    connection.destroy();
    const { error } = JSON.parse(answer.body.toString()) as { error?: { code: string } };
    return { status: answer.status, code: error?.code, sent: rig.upstream.received[0]?.body.toString() };
  }

  it.each<[string, string | Buffer]>([
    ['a member twice', withMember('"model":"other"')],
    ['a cap twice', withMember('"max_tokens":1,"max_tokens":100000')],
    ['stream twice, once escaped', withMember('"stream":false,"str\\u0065am":true')],
    ['messages twice', withMember(`"messages":[{"role":"user","content":"${BANNED}"}]`)],
    ['1e400', withMember('"temperature":1e400')],
    ['NaN', withMember('"temperature":NaN')],
    ['Infinity', withMember('"max_tokens":Infinity')],
    ['a cap with a fraction', withMember('"max_tokens":1.5')],
    ['a cap below one', withMember('"max_tokens":-0')],
    ['a cap of 2^53', withMember('"max_tokens":9007199254740992')],
    ['a cap that is a text', withMember('"max_tokens":"1"')],
    ['a comment', withMember('/* x */"a":1')],
    ['a comma too many', withMember('"a":1,')],
    ['single quotes', small.replaceAll('"', "'")],
    ['invalid UTF-8', Buffer.from(small.replace('Hello', 'H\xff\xfe'), 'latin1')],
    ['half a surrogate pair in UTF-8', Buffer.from(small.replace('Hello', '\xed\xa0\x80'), 'latin1')],
    ['UTF-16', Buffer.from(`\uFEFF${small}`, 'utf16le')],
    ['a schema that is too deep', withMember(deepTools)],
    ['a million brackets', '['.repeat(1_000_000)],
    ['a million objects', '{"a":'.repeat(150_000)],
    ['a number of 100,000 digits', withMember(`"seed":${'9'.repeat(100_000)}`)],
    ['128 choices', withMember('"n":128')],
    ['a user that is an object', withMember('"user":{"id":"x"}')],
    ['__proto__', withMember('"__proto__":{"polluted":1}')],
    ['__proto__, deep', withMember('"metadata":{"a":"b"},"x":[{"y":{"__proto__":{"polluted":1}}}]')],
    [
      '__proto__ in a schema',
      withMember('"tools":[{"type":"function","function":{"parameters":{"__proto__":{"polluted":1}}}}]'),
    ],
    ['constructor.prototype', withMember('"x":{"constructor":{"prototype":{"polluted":1}}}')],
    ['constructor, escaped', withMember('"x":{"\\u0063onstructor":{"prototype":{"polluted":1}}}')],
  ])('%s: 400, and nothing is sent on', async (_what, body) => {
    const { status, code, sent } = await ask(body);
    expect([status, sent]).toEqual([400, undefined]);
    expect(code).toMatch(/^invalid_(json|value)$/);
  });

  it.each([
    ['a banned word in escapes', BANNED.replace('o', '\\u006f')],
    ['a banned word in other letters', 'ｆｏｒｂｉｄｄｅｎ'],
    ['a banned word with invisible characters', BANNED.split('').join('\u200b')],
  ])('%s is seen by the rules as by an upstream', async (_what, text) => {
    expect(await ask(small.replace('Hello', text))).toMatchObject({
      status: 400,
      code: 'content_filter',
      sent: undefined,
    });
  });

  it.each([
    ['a byte order mark', `\uFEFF${small}`],
    ['lone surrogates in escapes', small.replace('Hello', '\\ud800 \\udfff')],
    ['minus zero', withMember('"temperature":-0')],
    ['numbers in every notation', withMember('"temperature":1E-1,"top_p":1.0e0')],
    ['empty arrays for a megabyte', withMember(`"x":[${'[],'.repeat(150_000)}[]]`)],
    ['50,000 members', withMember(Array.from({ length: 50_000 }, (_, at) => `"k${at}":1`).join(','))],
  ])('%s: what was checked is what is sent on', async (_what, body) => {
    const { status, sent } = await ask(body);
    expect(status).toBe(200);
    const checked = JSON.parse(body.replace('\uFEFF', '')) as object;
    expect(JSON.parse(sent!)).toEqual({ ...checked, max_completion_tokens: 100 });
  });

  it('members that nobody knows pass; a cap that the caller raises is lowered', async () => {
    const { status, sent } = await ask(withMember('"max_tokens":100000,"best_of":50,"chat_template_kwargs":{"a":1}'));
    expect(status).toBe(200);
    expect(JSON.parse(sent!)).toMatchObject({ max_completion_tokens: 100, chat_template_kwargs: { a: 1 } });
  });

  it.each([
    'api_base',
    'base_url',
    'api_key',
    'api_version',
    'api_type',
    'organization',
    'extra_headers',
    'extra_query',
    'extra_body',
  ])('%s steers nothing: 400, whatever its value', async (member) => {
    for (const value of ['"http://evil.example"', 'null', '{}', '""']) {
      expect(await ask(withMember(`"${member}":${value}`))).toMatchObject({
        status: 400,
        code: 'invalid_value',
        sent: undefined,
      });
    }
  });

  it('a megabyte of prediction and 500 pictures cost what was reserved, or are refused', async () => {
    const content = Array.from({ length: 500 }, (_, at) => ({
      type: 'image_url',
      image_url: { url: `https://pictures.test/${at}` },
    }));
    const bodies = [
      { ...ASK, messages: [{ role: 'user', content }] },
      { ...ASK, prediction: { type: 'content', content: 'x'.repeat(900_000) } },
      { ...ASK, service_tier: 'priority' },
    ];
    for (const body of bodies) {
      const response = await rig.gateway.post(body, BEARER);
      expect([200, 400, 429]).toContain(response.status);
      await response.text();
    }
    expect((await rig.gateway.metrics()).get('gateway_budget_overrun_nanousd_total') ?? 0).toBe(0);
  });

  it.each([
    'gzip',
    'br',
    'zstd',
    'deflate',
    'gzip, gzip',
    'identity, gzip',
    'GZIP',
    Array(1_000).fill('gzip').join(','),
  ])('Content-Encoding %.20s: 415, and not a byte is unpacked', async (encoding) => {
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    const answer = await connection.send(chatBytes(small, [`Content-Encoding: ${encoding}`])).answer();
    expect([answer.status, rig.upstream.received]).toEqual([415, []]);
    connection.destroy();
  });

  it('leave a gateway that still tells objects apart', async () => {
    const { status } = await ask(withMember('"metadata":{"polluted":"no"}'));
    expect(status).toBe(200);
    expect(rig.gateway.log.filter(({ level, code }) => level === 'error' || code === 'internal_error')).toEqual([]);
    expect(rig.gateway.log.some((line) => JSON.stringify(line).includes('polluted'))).toBe(false);
  });
});

describe('a gateway file that means no good', () => {
  const laughs = Array.from({ length: 10 }, (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at},`.repeat(9)}]`).join('\n');

  it.each([
    ['names that multiply', `l0: &l0 lol\n${laughs}\n`],
    ['a name of itself', 'a: &a [*a]\n'],
    ['a merge key', 'base: &b { polluted: 1 }\nx: { <<: *b }\n'],
    ['__proto__', 'version: 1\n__proto__: { polluted: 1 }\n'],
    ['__proto__, deep and quoted', 'version: 1\nx: [{ "\\u005f_proto__": { polluted: 1 } }]\n'],
    ['a tag', 'x: !!js/function "function () {}"\n'],
    ['a tag of its own', 'x: !shell "id"\n'],
    ['a directive', '%TAG ! tag:evil.example,2000:\n---\nx: !x 1\n'],
    ['brackets for ever', '['.repeat(100_000)],
    ['indentation for ever', Array.from({ length: 3_000 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
    ['keys that are no texts', '? [a, b]\n: 1\n'],
  ])('%s: refused in words, and Object.prototype is as it was', (_what, text) => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    expect(() => parseYaml(text)).toThrow(/line|nested|not allowed/);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
