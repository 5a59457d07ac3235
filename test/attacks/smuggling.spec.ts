import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ASK, AttackedGateway, AUTH, JSON_TYPE, LINE } from '../support/attacked-gateway.js';
import { RawConnection } from '../support/raw-connection.js';

const body = JSON.stringify(ASK);
const HEAD = `${LINE}\r\nHost: g\r\n${AUTH}\r\n${JSON_TYPE}\r\n`;
/** A whole request that hides behind another one's framing: it must never be answered, nor reach an upstream. */
const HIDDEN = `${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
const ZERO = '0\r\n\r\n';
const TE = 'Transfer-Encoding: chunked';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Name, the lines that frame the body, and what follows the head. */
const ATTACKS: readonly (readonly [string, string, string])[] = [
  // Two lengths, of which a server in front may believe the other one.
  ['CL.TE', `Content-Length: ${body.length}\r\n${TE}`, ZERO + HIDDEN],
  ['TE.CL', `${TE}\r\nContent-Length: 4`, chunk(HIDDEN) + ZERO],
  ['CL 0 and TE', `Content-Length: 0\r\n${TE}`, chunk(body) + ZERO + HIDDEN],
  ['TE between two CL', `Content-Length: 5\r\n${TE}\r\nContent-Length: 5`, ZERO + HIDDEN],
  ['two different CL', `Content-Length: 0\r\nContent-Length: ${HIDDEN.length}`, HIDDEN],
  ['two equal CL', `Content-Length: ${body.length}\r\nContent-Length: ${body.length}`, body + HIDDEN],
  ['a list of equal CL', 'Content-Length: 0, 0', HIDDEN],
  ['a list of different CL', `Content-Length: 0, ${HIDDEN.length}`, HIDDEN],
  // Transfer-Encoding that one server sees and another does not.
  ['TE.TE, the second identity', `${TE}\r\nTransfer-Encoding: identity`, ZERO + HIDDEN],
  ['TE.TE, the first identity', `Transfer-Encoding: identity\r\n${TE}\r\nContent-Length: 3`, ZERO + HIDDEN],
  ['TE.TE, the second unknown', `${TE}\r\nTransfer-Encoding: x`, ZERO + HIDDEN],
  ['chunked twice', 'Transfer-Encoding: chunked, chunked', ZERO + HIDDEN],
  ['chunked before identity', 'Transfer-Encoding: chunked, identity', ZERO + HIDDEN],
  ['xchunked', 'Transfer-Encoding: xchunked', ZERO + HIDDEN],
  ['chunked in quotes', 'Transfer-Encoding: "chunked"', ZERO + HIDDEN],
  ['chunked with a parameter', 'Transfer-Encoding: chunked;a=b', ZERO + HIDDEN],
  ['chunked after a vertical tab', 'Transfer-Encoding: \x0bchunked', ZERO + HIDDEN],
  ['chunked before a null byte', 'Transfer-Encoding: chunked\0', ZERO + HIDDEN],
  ['a space before the colon', 'Transfer-Encoding : chunked\r\nContent-Length: 5', ZERO + HIDDEN],
  ['a tab before the colon', 'Transfer-Encoding\t: chunked\r\nContent-Length: 5', ZERO + HIDDEN],
  ['a space before the name', 'X-A: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n x', ZERO + HIDDEN],
  ['a folded value', 'Transfer-Encoding:\r\n chunked\r\nContent-Length: 5', ZERO + HIDDEN],
  ['a name with an underscore, and CL', `Transfer_Encoding: chunked\r\nContent-Length: +5`, ZERO + HIDDEN],
  ['a name after a null byte', '\0Transfer-Encoding: chunked\r\nContent-Length: 5', ZERO + HIDDEN],
  // Lengths that are read as another number.
  ['CL with a plus', `Content-Length: +${body.length}`, body + HIDDEN],
  ['CL with a minus', 'Content-Length: -1', HIDDEN],
  ['CL in hex', 'Content-Length: 0x10', HIDDEN],
  ['CL with a fraction', 'Content-Length: 1.0', HIDDEN],
  ['CL with an exponent', 'Content-Length: 1e2', HIDDEN],
  ['CL with a space inside', 'Content-Length: 1 0', HIDDEN],
  ['CL with an underscore', 'Content-Length: 1_0', HIDDEN],
  ['CL beyond 64 bits', 'Content-Length: 18446744073709551617', HIDDEN],
  ['CL in other digits', 'Content-Length: \xd9\xa1', HIDDEN],
  ['CL with a space before the colon', 'Content-Length : 0', HIDDEN],
  ['an empty CL', 'Content-Length: ', HIDDEN],
  // Chunks that end somewhere else for somebody else.
  ['a chunk size beyond 64 bits', TE, `10000000000000005\r\n${HIDDEN}`],
  ['a chunk size with a plus', TE, `+5\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['a chunk size with a minus', TE, `-5\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['a chunk size with 0x', TE, `0x5\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['a chunk size with a space before', TE, ` 5\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['a chunk size with an underscore', TE, `0_5\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['no chunk size', TE, `\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['a chunk size line that ends in LF', TE, `5\nhello\r\n${ZERO}${HIDDEN}`],
  ['chunk data that ends in LF', TE, `5\r\nhello\n${ZERO}${HIDDEN}`],
  ['chunk data that ends in two other bytes', TE, `5\r\nhelloXX${ZERO}${HIDDEN}`],
  ['a chunk longer than its size', TE, `1\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['a chunk extension that ends in LF', TE, `0;a=b\n\r\n${HIDDEN}`],
  ['a chunk extension with a CR in it', TE, `5;a=\rb\r\nhello\r\n${ZERO}${HIDDEN}`],
  ['a last chunk that ends in LF', TE, `0\n\n${HIDDEN}`],
  ['a length among the trailers', TE, `${chunk(body)}0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`],
  // Heads that end somewhere else for somebody else.
  ['a head line that ends in LF', 'X-A: 1\nContent-Length: 0', HIDDEN],
  ['a head line that ends in CR', 'X-A: 1\rContent-Length: 0', HIDDEN],
  ['CR CR LF', `X-A: 1\r\r\nContent-Length: 0`, HIDDEN],
  ['a line without a colon', 'Content-Length 0', HIDDEN],
];

describe('a request whose end can be read in two ways', () => {
  let rig: AttackedGateway;
  beforeAll(async () => (rig = await AttackedGateway.start()));
  afterAll(() => rig.stop());
  beforeEach(() => rig.reset());

  it('comes in fifty forms', () => expect(new Set(ATTACKS.map(([name]) => name)).size).toBeGreaterThan(50));

  it.each(ATTACKS)('%s: refused and closed, and nothing behind it is served', async (_name, framing, rest) => {
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    connection.send(Buffer.from(`${HEAD}${framing}\r\n\r\n${rest}`, 'latin1'));
    const answer = await connection.answer();
    expect([answer.status, answer.complete]).toEqual([400, true]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { type: 'invalid_request_error' } });
    await connection.closed();
    expect(connection.unread).toBe('');
    expect(rig.upstream.received).toEqual([]);
  });

  it.each([
    ['a key', AUTH],
    ['a pin', 'X-Provider-Priority: elsewhere'],
  ])('%s in the trailers is no header', async (_what, trailer) => {
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    const head = `${LINE}\r\nHost: g\r\n${trailer === AUTH ? '' : `${AUTH}\r\n`}${JSON_TYPE}\r\n${TE}\r\n\r\n`;
    connection.send(`${head}${chunk(body)}0\r\n${trailer}\r\n\r\n`);
    const answer = await connection.answer();
    expect(answer.status).toBe(trailer === AUTH ? 401 : 200);
    expect(rig.upstream.received.map(({ body: seen }) => seen.toString())).toEqual(trailer === AUTH ? [] : [body]);
    connection.destroy();
  });

  it('whose chunks are in order is passed on as one body with one length', async () => {
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    const pieces = [body.slice(0, 7), body.slice(7, 8), body.slice(8)].map(chunk).join('');
    const answer = await connection.send(`${HEAD}${TE}\r\n\r\n${pieces}0\r\n\r\n`).answer();
    expect(answer.status).toBe(200);
    const [seen] = rig.upstream.received;
    expect([seen?.body.toString(), seen?.headers['content-length'], seen?.headers['transfer-encoding']]).toEqual([
      body,
      String(body.length),
      undefined,
    ]);
    connection.destroy();
  });
});
