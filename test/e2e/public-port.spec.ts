import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const config = {
  version: 1,
  auth: { anonymous: { enabled: false }, keys: [{ id: 'app', secret: 'a-client-key-0123456789' }] },
  providers: [{ name: 'a-provider-of-ours', kind: 'simulated' }],
  models: [{ name: 'm', targets: [{ provider: 'a-provider-of-ours', model: 'x' }] }],
};

describe('the public port in production', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => (gateway = await GatewayProcess.start({ config, env: { NODE_ENV: 'production' } })));
  afterAll(() => gateway.stop());

  it.each(['/metrics', '/docs', '/docs-json', '/docs/', '/admin', '/admin/status', '/console', '/debug'])(
    'has no %s',
    async (path) => {
      const response = await fetch(gateway.publicUrl + path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: 'not_found' } });
    },
  );

  it('does not send people to pages that it has not', () => {
    expect(gateway.stderr).toContain('/v1');
    expect(gateway.stderr).not.toContain('/docs');
  });

  it.each(['health', 'ready'])('says nothing of itself at /v1/%s', async (path) => {
    const response = await fetch(`${gateway.publicUrl}/v1/${path}`);
    expect(response.status).toBe(200);
    const told = JSON.stringify([...response.headers]) + (await response.text());
    for (const secret of ['a-provider-of-ours', hostname(), process.version, '0.1.0'])
      expect(told).not.toContain(secret);
  });
});
