import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASK, AttackedGateway, AUTH, BEARER, JSON_TYPE, KEY, LINE } from '../support/attacked-gateway.js';
import { RawConnection, requestBytes } from '../support/raw-connection.js';

const OTHER = 'another-key-of-the-tests-0123456789';
const BODY = JSON.stringify(ASK);

/** Every line that a caller might send in place of the one that counts. */
const WRONG: readonly (readonly [string, readonly string[]])[] = [
  ['nothing', []],
  ['an empty header', ['Authorization:']],
  ['a scheme alone', ['Authorization: Bearer']],
  ['a lower-case scheme', [`Authorization: bearer ${KEY}`]],
  ['another scheme', [`Authorization: Basic ${KEY}`]],
  ['no scheme', [`Authorization: ${KEY}`]],
  ['two keys in one header', [`Authorization: Bearer wrong, Bearer ${KEY}`]],
  ['two keys, a space between', [`Authorization: Bearer wrong ${KEY}`]],
  ['the right prefix', [`Authorization: Bearer ${KEY.slice(0, -1)}`]],
  ['all but the last character', [`Authorization: Bearer ${KEY.slice(0, -1)}8`]],
  ['the key and one more character', [`Authorization: Bearer ${KEY}0`]],
  ['another case', [`Authorization: Bearer ${KEY.toUpperCase()}`]],
  ['8 KiB of key', [`Authorization: Bearer ${'k'.repeat(8 << 10)}`]],
  ['letters of another script', ['Authorization: Bearer \xd0\xba\xd0\xbb\xd1\x8e\xd1\x87']],
  ['__proto__', ['Authorization: Bearer __proto__']],
  ['constructor', ['Authorization: Bearer constructor']],
  ['a query', ["Authorization: Bearer ' OR 1=1 --"]],
  ['a glob', ['Authorization: Bearer *']],
  ['the id of a key', ['Authorization: Bearer tests']],
  ['X-Api-Key', [`X-Api-Key: ${KEY}`]],
  ['Api-Key', [`Api-Key: ${KEY}`]],
  ['a cookie', [`Cookie: authorization=Bearer ${KEY}; api_key=${KEY}`]],
  ['Proxy-Authorization', [`Proxy-Authorization: Bearer ${KEY}`]],
  ['a name with an underscore', [`X_Authorization: Bearer ${KEY}`]],
];

describe('credentials', () => {
  let rig: AttackedGateway;
  beforeAll(async () => {
    const limits = { models: ['m'] };
    rig = await AttackedGateway.start(() => ({
      auth: {
        keys: [
          { id: 'tests', secret: KEY, ...limits },
          { id: 'other', secret: OTHER },
        ],
      },
    }));
  });
  afterAll(() => rig.stop());
  beforeEach(() => rig.reset());

  /** Each from an address of its own: what one address may fail is bounded. */
  async function ask(headers: readonly string[], from: string, line = LINE): Promise<{ status: number; text: string }> {
    const connection = await RawConnection.open(rig.gateway.publicUrl, from);
    const bytes = requestBytes(line, [...headers, JSON_TYPE], BODY);
    const answer = await connection.send(Buffer.from(bytes.toString('latin1'), 'latin1')).answer();
    connection.destroy();
    return { status: answer.status, text: answer.body.toString() };
  }

  it.each(WRONG)('%s: 401, and no upstream is called', async (_what, headers) => {
    const { status, text } = await ask(headers, `127.0.1.${WRONG.findIndex(([, other]) => other === headers) + 1}`);
    expect(status).toBe(401);
    expect(JSON.parse(text)).toEqual({
      error: expect.objectContaining({ code: 'invalid_api_key', message: 'Incorrect API key provided.' }) as unknown,
    });
    expect(rig.upstream.received).toEqual([]);
  });

  it('a key in the address: 401', async () => {
    const line = `POST /v1/chat/completions?api_key=${KEY}&key=${KEY} HTTP/1.1`;
    expect((await ask([], '127.0.0.40', line)).status).toBe(401);
  });

  it('a header of 1 MiB: 431', async () => {
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    connection.send(requestBytes(LINE, [`Authorization: Bearer ${'k'.repeat(1 << 20)}`, JSON_TYPE], BODY));
    expect((await connection.answer()).status).toBe(431);
    connection.destroy();
  });

  it.each([
    ['the good one first', [AUTH, 'Authorization: Bearer wrong']],
    ['the good one last', ['Authorization: Bearer wrong', AUTH]],
    ['the good one twice', [AUTH, AUTH]],
    ['in different cases', [AUTH, `AUTHORIZATION: Bearer ${OTHER}`]],
  ])('two Authorization headers, %s: 400', async (_what, headers) => {
    expect((await ask(headers, '127.0.0.41')).status).toBe(400);
    expect(rig.upstream.received).toEqual([]);
  });

  it('1,000 wrong keys from one address: told how long to wait, and neither good keys nor other addresses suffer', async () => {
    const statuses = new Map<number, number>();
    for (let turn = 0; turn < 20; turn++) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, at) => {
          const { status } = await ask([`Authorization: Bearer wrong-${turn}-${at}`], '127.0.0.50');
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }),
      );
    }
    expect([...statuses.keys()].sort()).toEqual([401, 429]);
    expect(statuses.get(429)).toBeGreaterThan(900);
    expect((await ask([AUTH], '127.0.0.50')).status).toBe(200);
    expect((await ask([AUTH], '127.0.0.51')).status).toBe(200);
    expect((await ask(['Authorization: Bearer wrong'], '127.0.0.51')).status).toBe(401);
    // Refused at the door: no ledger line for each, one counter for all.
    expect(rig.gateway.log.filter(({ code }) => code === 'invalid_api_key')).toEqual([]);
    expect((await rig.gateway.metrics()).get('gateway_auth_failures_total')).toBeGreaterThan(1_000);
  });

  it('an unknown model and one that the key may not use are the same to the caller', async () => {
    const told = async (model: string): Promise<unknown> => {
      const response = await rig.gateway.post({ ...ASK, model }, BEARER);
      return [response.status, JSON.parse((await response.text()).replaceAll(model, 'M'))];
    };
    expect(await told('no-such-model')).toEqual(await told('constructor'));
  });

  it.each(['/admin/status', '/admin/config', '/metrics', '/console', '/v1/usage/../../admin/status'])(
    'a client key at %s of either listener: no data',
    async (path) => {
      for (const base of [rig.gateway.publicUrl, rig.gateway.opsUrl]) {
        if (base === rig.gateway.opsUrl && ['/metrics', '/console'].includes(path)) continue;
        const response = await fetch(base + path, { headers: BEARER });
        expect([401, 403, 404]).toContain(response.status);
        expect(await response.text()).not.toMatch(/tests|targets|providers/);
      }
    },
  );
});
