import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connectionRefused } from '../kernel/channels.js';
import { ConnectionsPerAddress } from './connections-per-address.js';

describe('ConnectionsPerAddress', () => {
  const sockets: Socket[] = [];
  let server: Server;
  let refused = 0;
  const unsubscribe = connectionRefused.subscribe(() => refused++);
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
    refused = 0;
    unsubscribe();
  });

  async function open(): Promise<Socket> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  /** Whether a request on the connection is answered. */
  async function isServed(socket: Socket): Promise<boolean> {
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
  }

  it('closes what is one too many, and makes room when a connection ends', async () => {
    let limit: number | undefined = 2;
    server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
    new ConnectionsPerAddress().watch(server, () => limit);
    await once(server, 'listening');
    const [first, second] = [await open(), await open()];
    expect(await isServed(first)).toBe(true);
    expect(await isServed(second)).toBe(true);
    expect(await isServed(await open())).toBe(false);
    expect(refused).toBe(1);
    const gone = once(server, 'connection').then(() => undefined);
    first.destroy();
    await expect.poll(async () => isServed(await open())).toBe(true);
    await gone;
    limit = undefined;
    expect(await isServed(await open())).toBe(true);
  });
});
