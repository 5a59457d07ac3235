import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const FILES = ['console', 'console/console.js', 'console/console.css'] as const;
const LARGEST = 60_000;

let gateway: GatewayProcess;
beforeAll(async () => (gateway = await GatewayProcess.start()));
afterAll(() => gateway.stop());

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${gateway.opsUrl}/${path}`, { headers });

describe('the console as it is served', () => {
  it('weighs at most 60 kB, zipped', async () => {
    const texts = await Promise.all(FILES.map(async (path) => (await get(path)).arrayBuffer()));
    const sizes = texts.map((text) => gzipSync(Buffer.from(text), { level: 9 }).length);
    expect(sizes.every((size) => size > 0)).toBe(true);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(LARGEST);
  });

  it.each(FILES)('/%s may run nothing inline, load nothing from elsewhere and stand in no frame', async (path) => {
    const { status, headers } = await get(path);
    expect(status).toBe(200);
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('is sent again only when it changed', async () => {
    const { headers } = await get('console/console.js');
    const again = await get('console/console.js', { 'if-none-match': headers.get('etag')! });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
  });

  it.each(['console/main.js', 'console/..%2fmain.js', 'console/%2e%2e%2fpackage.json', 'console/toString'])(
    'gives no other file for /%s',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: 'not_found' } });
    },
  );

  it('is not there on the public listener', async () => {
    expect((await fetch(`${gateway.publicUrl}/console`)).status).toBe(404);
  });
});
