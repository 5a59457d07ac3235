import { createServer, type Server } from 'node:https';
import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTool } from '../platform/repository.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { SelfSignedCertificate } from '../support/self-signed-certificate.js';

const SECRET = 'a-key-that-lasts-for-ever';
const ENDS = '2099-01-31T00:00:00Z';
const DAYS = 10;
const DAY = 86_400;
const ANSWER = {
  ...{ id: 'c', object: 'chat.completion', created: 1_700_000_000, model: 'x' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
};

describe.skipIf(!hasTool('openssl'))('the end of credentials', () => {
  let certificate: SelfSignedCertificate;
  let upstream: Server;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    certificate = new SelfSignedCertificate(DAYS);
    upstream = createServer(certificate.options, (request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(ANSWER));
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, 'localhost', resolve));
    gateway = await GatewayProcess.start({
      env: { NODE_EXTRA_CA_CERTS: certificate.path },
      config: {
        version: 1,
        auth: {
          keys: [
            { id: 'lasts', secret: SECRET },
            { id: 'ends', secret: 'a-key-that-ends-some-day', expiresAt: ENDS },
            { id: 'later', secret: 'a-key-that-ends-later', expiresAt: '2099-12-31T00:00:00Z' },
          ],
        },
        providers: [
          {
            name: 'p',
            kind: 'openai',
            baseUrl: `https://localhost:${(upstream.address() as AddressInfo).port}/v1`,
            allowPrivate: true,
            probe: { enabled: false },
          },
        ],
        models: [{ name: 'm', targets: [{ provider: 'p', model: 'x' }] }],
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
    certificate.remove();
  });

  it('shows the first key that ends, and the certificate of an upstream once it was dialled', async () => {
    const expiry = async (kind: string): Promise<number | undefined> =>
      (await gateway.metrics()).get(`gateway_credential_expiry_timestamp_seconds{kind="${kind}"}`);
    expect(await expiry('key')).toBe(Date.parse(ENDS) / 1000);
    expect(await expiry('certificate')).toBeUndefined();
    const ask = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
    const response = await gateway.post(ask, { authorization: `Bearer ${SECRET}` });
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('Hi')]);
    const untilSeconds = (await expiry('certificate'))! - Date.now() / 1000;
    expect(untilSeconds / DAY).toBeGreaterThan(DAYS - 1);
    expect(untilSeconds / DAY).toBeLessThanOrEqual(DAYS);
  });
});
