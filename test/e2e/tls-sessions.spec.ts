import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTool } from '../platform/repository.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { SelfSignedCertificate } from '../support/self-signed-certificate.js';

const ANSWER = JSON.stringify({
  ...{ id: 'c', object: 'chat.completion', created: 1_700_000_000, model: 'x' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
});
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };

describe.skipIf(!hasTool('openssl'))('TLS towards an upstream', () => {
  let certificate: SelfSignedCertificate;
  let server: Server;
  let door: TcpServer;
  let gateway: GatewayProcess;
  let doorIsShut = false;
  let connection = 'close';
  let connections = 0;
  /** Of each request that arrived, whether its connection resumed a session. */
  const resumed: boolean[] = [];

  beforeAll(async () => {
    certificate = new SelfSignedCertificate(1);
    server = createServer(certificate.options, (request, response) => {
      resumed.push((request.socket as TLSSocket).isSessionReused());
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json', connection }).end(ANSWER);
      });
    });
    server.on('secureConnection', () => connections++);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port, address } = server.address() as AddressInfo;
    door = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      if (doorIsShut) {
        socket.resetAndDestroy();
        return;
      }
      const behind = connect(port, address).on('error', () => undefined);
      socket.pipe(behind).pipe(socket);
    });
    await new Promise<void>((resolve) => door.listen(0, 'localhost', resolve));
    const baseUrl = `https://localhost:${(door.address() as AddressInfo).port}/v1`;
    gateway = await GatewayProcess.start({
      env: { NODE_EXTRA_CA_CERTS: certificate.path },
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [{ name: 'p', kind: 'openai', baseUrl, allowPrivate: true, probe: { enabled: false } }],
        models: [{ name: 'm', targets: [{ provider: 'p', model: 'x' }] }],
        resilience: { maxAttempts: 1 },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    door.close();
    server.close();
    certificate.remove();
  });

  const ask = async (): Promise<number> => {
    const response = await gateway.post(ASK);
    await response.text();
    return response.status;
  };

  it('resumes sessions where it ends each connection, and offers none again after a handshake that failed', async () => {
    expect([await ask(), await ask()]).toEqual([200, 200]);
    expect(resumed).toEqual([false, true]);
    doorIsShut = true;
    expect(await ask()).toBe(502);
    doorIsShut = false;
    expect([await ask(), await ask()]).toEqual([200, 200]);
    expect(resumed).toEqual([false, true, false, true]);
  });

  it('asks again and again on one connection where it may', async () => {
    connection = 'keep-alive';
    connections = 0;
    for (let asked = 0; asked < 100; asked++) expect(await ask()).toBe(200);
    expect(connections).toBe(1);
  });
});
