import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASK, AttackedGateway, AUTH, BEARER, chatBytes, JSON_TYPE, LINE } from '../support/attacked-gateway.js';
import { RawConnection, requestBytes } from '../support/raw-connection.js';
import { answers } from '../support/upstream-scripts.js';

const BODY_LIMIT = 1 << 20;
const MIB = Buffer.alloc(1 << 20, 'x');

describe('connections that mean no good', () => {
  let rig: AttackedGateway;
  beforeAll(async () => (rig = await AttackedGateway.start()));
  afterAll(() => rig.stop());
  beforeEach(() => rig.reset());

  const open = (): Promise<RawConnection> => RawConnection.open(rig.gateway.publicUrl);
  const inFlight = async (): Promise<number | undefined> =>
    (await rig.gateway.metrics()).get('gateway_in_flight_requests');

  /** Reads the metrics until nothing is in flight any more. */
  async function settled(): Promise<void> {
    while ((await inFlight()) !== 0);
  }

  /** Writes `pieces`, waiting whenever the socket is full, as a client does that reads only when it has sent. */
  async function sendAll(connection: RawConnection, pieces: readonly (string | Buffer)[]): Promise<void> {
    const { socket } = connection;
    for (const piece of pieces) {
      if (!socket.destroyed && !socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
  }

  describe('a body over the limit, from a caller that goes on sending: the answer arrives, and nothing is reset', () => {
    it('its length told', async () => {
      const connection = await open();
      await sendAll(connection, [
        requestBytes(LINE, [AUTH, JSON_TYPE, `Content-Length: ${12 * MIB.length}`]),
        ...Array.from({ length: 12 }, () => MIB),
      ]);
      const answer = await connection.answer();
      expect([answer.status, answer.complete, answer.headers.connection]).toEqual([413, true, 'close']);
      await connection.closed();
    });

    it('chunked', async () => {
      const connection = await open();
      const chunk = Buffer.concat([Buffer.from(`${MIB.length.toString(16)}\r\n`), MIB, Buffer.from('\r\n')]);
      await sendAll(connection, [
        requestBytes(LINE, [AUTH, JSON_TYPE, 'Transfer-Encoding: chunked']),
        ...Array.from({ length: 12 }, () => chunk),
        '0\r\n\r\n',
      ]);
      const answer = await connection.answer();
      expect([answer.status, answer.complete, answer.headers.connection]).toEqual([413, true, 'close']);
      await connection.closed();
    });

    it('headers in place of a body', async () => {
      const connection = await open();
      await sendAll(connection, [`${LINE}\r\nHost: g\r\nx-long: `, ...Array.from({ length: 8 }, () => MIB)]);
      const answer = await connection.answer();
      expect([answer.status, answer.complete]).toEqual([431, true]);
      await connection.closed();
    });

    it('without an end: it is cut off, and the next caller served', async () => {
      const connection = await open();
      connection.send(requestBytes(LINE, [AUTH, JSON_TYPE, 'Content-Length: 1000000000000']));
      const sending = setInterval(() => connection.socket.writable && connection.socket.write(MIB), 1);
      expect((await connection.answer()).status).toBe(413);
      await connection.closed();
      clearInterval(sending);
      expect((await rig.gateway.post(ASK, BEARER)).status).toBe(200);
    });
  });

  describe('Expect: 100-continue', () => {
    const announced = (key: string, length: number): Buffer =>
      requestBytes(LINE, [key, JSON_TYPE, `Content-Length: ${length}`, 'Expect: 100-continue']);

    it.each([
      ['a wrong key', 'Authorization: Bearer wrong', 1 << 30, 401],
      ['no key', 'X-None: 1', 1 << 30, 401],
      ['a length over the limit', AUTH, BODY_LIMIT + 1, 413],
    ])('%s: the body is never asked for', async (_what, key, length, status) => {
      const connection = await open();
      const answer = await connection.send(announced(key, length)).answer();
      expect(answer.status).toBe(status);
      expect(connection.unread).not.toContain('100 Continue');
      connection.destroy();
    });

    it('a good request: asked for once, then answered', async () => {
      const connection = await open();
      const body = JSON.stringify(ASK);
      expect((await connection.send(announced(AUTH, body.length)).answer()).status).toBe(100);
      expect((await connection.send(body).answer()).status).toBe(200);
      connection.destroy();
    });
  });

  describe('pipelining', () => {
    it('1,000 requests on one connection: one in flight at a time, each answered in order', async () => {
      let atOnce = 0;
      let most = 0;
      const answer = answers('Hi');
      rig.reset((request, response, socket) => {
        most = Math.max(most, ++atOnce);
        response.on('finish', () => atOnce--);
        return answer(request, response, socket);
      });
      const ids = Array.from({ length: 1_000 }, (_, at) => `piped-${at}`);
      const connection = await open();
      connection.send(Buffer.concat(ids.map((id) => chatBytes(ASK, [`X-Request-ID: ${id}`]))));
      for (const id of ids) {
        const { status, headers } = await connection.answer();
        expect([status, headers['x-request-id']]).toEqual([200, id]);
      }
      expect(most).toBe(1);
      connection.destroy();
      await settled();
    });

    it.each(['reset', 'closed'] as const)('a connection that is %s with requests waiting leaves none', async (how) => {
      const reached = new Promise<void>((resolve) => rig.reset(() => resolve()));
      const connection = await open();
      connection.send(Buffer.concat(Array.from({ length: 50 }, () => chatBytes(ASK))));
      await reached;
      expect(await inFlight()).toBe(1);
      if (how === 'reset') connection.socket.resetAndDestroy();
      else connection.socket.end();
      await connection.closed();
      await settled();
      expect(rig.upstream.received).toHaveLength(1);
    });

    it('more than a connection may hold back: the connection is closed, and nothing of it runs', async () => {
      const reached = new Promise<void>((resolve) => rig.reset(() => resolve()));
      const connection = await open();
      connection.send(chatBytes(ASK));
      await reached;
      connection.send(Buffer.concat(Array.from({ length: 2_000 }, () => chatBytes(ASK))));
      await connection.closed();
      await settled();
      expect(rig.upstream.received).toHaveLength(1);
    });

    it('what stands behind a refused request is not served', async () => {
      const connection = await open();
      connection.send(
        Buffer.concat([
          chatBytes(ASK, ['Expect: 200-maybe']),
          chatBytes({ ...ASK, user: 'b' }),
          chatBytes({ ...ASK, user: 'c' }),
        ]),
      );
      expect((await connection.answer()).status).toBe(400);
      await connection.closed();
      expect(connection.unread).toBe('');
      expect(rig.upstream.received).toEqual([]);
    });
  });

  it('bytes of another protocol, many times: each connection is closed, and the log keeps silent', async () => {
    const refused = (metrics: ReadonlyMap<string, number>): number =>
      [...metrics].reduce((sum, [name, count]) => sum + (name.includes('code="bad_request"') ? count : 0), 0);
    const before = refused(await rig.gateway.metrics());
    const lines = rig.gateway.log.length;
    const started = rig.gateway.log.filter(({ msg }) => msg !== 'request');
    const garbage = [
      '\x16\x03\x01\x00\xc8\x01\x00\x00\xc4',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\0'.repeat(8 << 10),
      'x\r\n\r\n',
    ];
    await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const connection = await open();
        connection.send(Buffer.from(garbage[at % garbage.length]!, 'latin1'));
        await connection.closed();
      }),
    );
    expect(rig.gateway.log.filter(({ msg }) => msg !== 'request')).toEqual(started);
    expect(rig.gateway.log.length).toBeLessThan(lines + 200);
    expect(refused(await rig.gateway.metrics()) - before).toBe(200);
    expect(rig.gateway.stderr).not.toMatch(/warn|error/i);
    expect((await rig.gateway.post(ASK, BEARER)).status).toBe(200);
  });

  it('connections that say nothing do not keep others out', async () => {
    const idle = await Promise.all(Array.from({ length: 300 }, open));
    expect((await rig.gateway.post(ASK, BEARER)).status).toBe(200);
    for (const connection of idle) connection.destroy();
  });
});
