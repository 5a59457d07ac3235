import { createServer, type Server } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import dns from 'node:dns';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { isPrivateAddress, UpstreamConnector } from '../../src/providers/upstream-connector.js';
import { systemClock } from '../../src/kernel/clock.js';
import { ASK, AttackedGateway, BEARER } from '../support/attacked-gateway.js';

describe('an address', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.0.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.100.100.200',
    '192.0.0.192',
    '198.19.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '[::ffff:10.0.0.1]',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    '2001:0:a9fe:a9fe::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    'ff02::1',
  ])('%s is not dialled', (address) => expect(isPrivateAddress(address)).toBe(true));

  it.each(['8.8.8.8', '172.32.0.1', '100.63.255.255', '2606:4700::1111', '::ffff:8.8.8.8', '2001:4860:4860::8888'])(
    '%s is dialled',
    (address) => expect(isPrivateAddress(address)).toBe(false),
  );
});

describe('a provider without allowPrivate', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });

  /** Dials a name that resolves as the test says. @returns how the attempt ended, and what reached loopback */
  async function dial(
    hostname: string,
    resolved: readonly string[],
  ): Promise<{ error: Error | null; reached: number }> {
    let reached = 0;
    const trap = createTcpServer((socket) => {
      reached++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    vi.spyOn(dns, 'lookup').mockImplementation(((
      _name: string,
      _options: object,
      callback: (...args: unknown[]) => void,
    ) => {
      callback(
        null,
        resolved.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    }) as never);
    syncBuiltinESMExports();
    const { port } = trap.address() as AddressInfo;
    const rules = { connectMs: 2_000, allowPrivate: false };
    const connector = new UpstreamConnector({ isSecure: false, hostname, port }, rules, systemClock);
    const error = await new Promise<Error | null>((resolve) => {
      const socket = connector.open(
        () => undefined,
        () => {
          socket.destroy();
          resolve(null);
        },
      );
      socket.on('error', resolve);
    });
    await new Promise((resolve) => trap.close(resolve));
    return { error, reached };
  }

  it.each([
    ['a name of loopback', 'rebound.example', ['127.0.0.1']],
    ['a name of the metadata service', 'rebound.example', ['169.254.169.254']],
    ['a name of IPv4 in IPv6', 'rebound.example', ['::ffff:127.0.0.1']],
    ['a name of several private addresses', 'rebound.example', ['10.0.0.1', '127.0.0.1', '::1']],
    ['a name of nothing', 'rebound.example', []],
    ['an address', '127.0.0.1', []],
    ['an address in IPv6', '::1', []],
  ])('%s: refused when it is dialled, whatever a check said before', async (_what, hostname, resolved) => {
    const { error, reached } = await dial(hostname, resolved);
    expect(error).toMatchObject({ name: 'UpstreamFailure', reason: 'connect_error' });
    expect(reached).toBe(0);
    expect(vi.mocked(dns.lookup)).toHaveBeenCalledTimes(hostname.endsWith('.example') ? 1 : 0);
  });
});

describe('what the gateway connects to', () => {
  let proxy: Server;
  let rig: AttackedGateway;
  const seen: string[] = [];
  beforeAll(async () => {
    proxy = createServer((request, response) => {
      seen.push(request.url!);
      response.end();
    }).on('connect', (request, socket) => {
      seen.push(request.url!);
      socket.end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
    const env = { ...Object.fromEntries(names.map((name) => [name, url])), NODE_USE_ENV_PROXY: '1' };
    rig = await AttackedGateway.start(undefined, env);
  });
  afterAll(async () => {
    await rig.stop();
    proxy.close();
  });

  it('is the provider, and no proxy that the environment names', async () => {
    for (const stream of [false, true]) {
      const response = await rig.gateway.post({ ...ASK, stream }, BEARER);
      expect(response.status).toBe(200);
      await response.text();
    }
    expect(rig.upstream.received).toHaveLength(2);
    expect(seen).toEqual([]);
  });

  it.each([
    'file:///etc/passwd',
    'http://169.254.169.254/latest/meta-data/',
    'http://PROXY/image.png',
    `data:image/png;base64,${'A'.repeat(500_000)}`,
  ])('is no picture of a prompt: %.40s is passed on and never fetched', async (picture) => {
    rig.reset();
    const url = picture.replace('PROXY', `127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const content = [{ type: 'image_url', image_url: { url } }];
    const response = await rig.gateway.post({ ...ASK, messages: [{ role: 'user', content }] }, BEARER);
    expect(response.status).toBe(200);
    expect(rig.upstream.received[0]!.body.includes(url)).toBe(true);
    expect(seen).toEqual([]);
  });

  it.each([
    ['Host', { host: 'evil.example' }],
    ['X-Forwarded-Host', { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' }],
    ['Forwarded', { forwarded: 'host=evil.example;proto=http' }],
    ['X-Original-URL', { 'x-original-url': '/admin/status', 'x-rewrite-url': '/admin/status' }],
  ])('is not steered by %s, and no answer names it', async (_what, headers) => {
    rig.reset();
    const response = await rig.gateway.post(ASK, { ...BEARER, ...headers });
    const told = (await response.text()) + JSON.stringify([...response.headers]);
    expect([response.status, told]).toEqual([200, expect.not.stringContaining('evil.example')]);
    const [request] = rig.upstream.received;
    expect([request?.url, request?.headers.host]).toEqual(['/v1/chat/completions', new URL(rig.upstream.baseUrl).host]);
    expect(JSON.stringify(request?.headers)).not.toContain('evil.example');
  });
});
