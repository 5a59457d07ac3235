import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASK, AttackedGateway, BEARER, JSON_TYPE, LINE } from '../support/attacked-gateway.js';
import { RawConnection, requestBytes } from '../support/raw-connection.js';

/** Of one request without a key: within what a body may have, so that its length is no reason to refuse it. */
const BODY_BYTES = 512 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'x');
const REQUESTS = 600;
const AT_ONCE = 12;
/** Loosely: what is read before a refusal, not what is sent, and what the young generation grows by. */
const MAX_GROWTH_BYTES = 128 * 1024 * 1024;
/** What one address may fail is bounded, and the good caller is not at this one. */
const ATTACKER = '127.0.0.2';
const HEAD = requestBytes(LINE, [JSON_TYPE, `Content-Length: ${BODY_BYTES}`]);

describe('a flood of requests without a key', () => {
  let rig: AttackedGateway;
  beforeAll(async () => (rig = await AttackedGateway.start()));
  afterAll(() => rig.stop());
  beforeEach(() => rig.reset());

  const resident = async (): Promise<number> =>
    (await rig.gateway.metrics()).get('process_resident_memory_bytes') ?? Number.NaN;

  async function ask(): Promise<number> {
    const answer = await rig.gateway.post(ASK, BEARER);
    await answer.text();
    return answer.status;
  }

  /** Sends the whole body, whatever comes back meanwhile, unless the connection is closed. */
  async function attack(): Promise<number> {
    const connection = await RawConnection.open(rig.gateway.publicUrl, ATTACKER);
    const { socket } = connection;
    socket.write(HEAD);
    for (let sent = 0; sent < BODY_BYTES && socket.writable; sent += PIECE.length) {
      if (!socket.write(PIECE)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
    const { status } = await connection.answer();
    connection.destroy();
    return status;
  }

  it('is refused by the head alone: no body has to come', async () => {
    const connection = await RawConnection.open(rig.gateway.publicUrl, ATTACKER);
    expect((await connection.send(HEAD).answer()).status).toBe(401);
    connection.destroy();
  });

  it('of 300 MB leaves a good caller all its answers, and memory where it was', { timeout: 60_000 }, async () => {
    for (let warm = 0; warm < 50; warm++) expect(await ask()).toBe(200);
    const before = await resident();
    const refusals = new Set<number>();
    let started = 0;
    const attacker = async (): Promise<void> => {
      while (started++ < REQUESTS) refusals.add(await attack());
    };
    let flooded = false;
    const flood = Promise.all(Array.from({ length: AT_ONCE }, attacker)).then(() => (flooded = true));
    const good = new Map<number, number>();
    let largest = 0;
    do {
      const status = await ask();
      good.set(status, (good.get(status) ?? 0) + 1);
      largest = Math.max(largest, await resident());
    } while (!flooded);
    await flood;
    expect([...good.keys()]).toEqual([200]);
    // The first of them by their missing key, the others by what their address has failed already.
    expect([...refusals].filter((status) => status !== 401 && status !== 429)).toEqual([]);
    expect(largest - before).toBeLessThan(MAX_GROWTH_BYTES);
    expect(rig.upstream.received).toHaveLength(50 + good.get(200)!);
    await expect.poll(async () => (await rig.gateway.metrics()).get('gateway_in_flight_requests')).toBe(0);
  });
});
