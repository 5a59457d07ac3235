import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const ADMIN = 'admin-secret-0123456789';
const config = {
  version: 1,
  auth: { keys: [{ id: 'ops', secret: ADMIN, role: 'admin' }] },
  providers: ['a', 'b'].map((name) => ({
    name,
    kind: 'simulated',
    simulated: { firstTokenMs: 1, tokenMs: name === 'a' ? 1 : 1_000, tokens: 20 },
  })),
  models: [{ name: 'm', targets: ['a', 'b'].map((provider) => ({ provider, model: 'x' })) }],
};

let gateway: GatewayProcess;
beforeAll(async () => (gateway = await GatewayProcess.start({ config })));
afterAll(() => gateway.stop());

function play(body: unknown, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${gateway.opsUrl}/admin/playground`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
}

const request = (stream: boolean): object => ({ model: 'm', stream, messages: [{ role: 'user', content: 'hi' }] });

describe('the playground', () => {
  it('relays a stream and the way that it took, under the key of who asks', async () => {
    const id = 'playground-1';
    const response = await play(request(true), { 'x-request-id': id, 'x-provider-priority': 'a' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(response.headers.get('x-gateway-provider')).toBe('a');
    expect(await response.text()).toMatch(/^data: \{[^]*data: \[DONE\]\n\n$/);
    expect(await gateway.ledger(id)).toMatchObject({ keyId: 'ops', provider: 'a', status: 200 });
  });

  it('relays a refusal as it is', async () => {
    const response = await play({ ...request(false), model: 'nobody' });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'model_not_found' } });
  });

  it('ends the request when its reader leaves', async () => {
    const leave = new AbortController();
    const id = 'playground-2';
    const headers = { 'x-request-id': id, 'x-provider-priority': 'b' };
    const response = await play(request(true), headers, leave.signal);
    await response.body!.getReader().read();
    leave.abort();
    expect(await gateway.ledger(id)).toMatchObject({ provider: 'b', attempts: 1 });
    expect((await gateway.metrics()).get('gateway_in_flight_requests')).toBe(0);
  });

  it('takes at most five at once', async () => {
    const leave = new AbortController();
    const headers = { 'x-provider-priority': 'b' };
    const five = await Promise.all(Array.from({ length: 5 }, () => play(request(true), headers, leave.signal)));
    expect(five.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const sixth = await play(request(true), headers);
    expect(sixth.status).toBe(503);
    expect(await sixth.json()).toMatchObject({ error: { code: 'overloaded' } });
    leave.abort();
  });
});
