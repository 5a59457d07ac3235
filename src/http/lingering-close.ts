import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { type Clock } from '../kernel/clock.js';

/** What is read and thrown away after an answer that closes its connection. */
const LINGER_BYTES = 16 * 1024 * 1024;
const LINGER_MS = 2_000;

/**
 * Writes an answer to a caller that is still sending, and closes the connection when the caller has finished or left,
 * or after 2 s or 16 MiB: a socket that is closed with bytes unread is reset, and a reset may overtake the answer.
 */
export function answerAndLinger(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
  clock: Clock,
): void {
  response.writeHead(status, { ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) });
  response.write(body);
  // The response ends last: until then Node begins no other request on this connection.
  readAway(request, clock, () => response.end());
  response.once('close', () => request.destroy());
}

/** The same for a connection whose bytes are no request: says `bytes`, then ends its own half first. */
export function endAndLinger(socket: Socket, bytes: string, clock: Clock): void {
  socket.end(bytes);
  socket.removeAllListeners('data');
  readAway(socket, clock, () => socket.destroy());
}

function readAway(source: IncomingMessage | Socket, clock: Clock, done: () => void): void {
  let left = LINGER_BYTES;
  const timer = clock.after(LINGER_MS, done);
  const finish = (): void => {
    timer.cancel();
    done();
  };
  source.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) finish();
  });
  for (const event of ['end', 'close', 'error']) source.once(event, finish);
  source.resume();
}
