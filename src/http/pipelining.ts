import { type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';

/** Requests that may wait on one connection for the answer to the one before them. */
const MAX_WAITING = 1_000;

const waiting = new WeakMap<Socket, number>();

/** Whether a request came before the answer to the one in front of it on its connection. */
export function isPipelined(response: ServerResponse): boolean {
  return response.socket === null;
}

/**
 * Calls `begin` when the response's turn comes, and never if the connection ends before: Node tells a response that
 * waits nothing of its connection's end, so what had begun for it would never be released. One connection thus has
 * one request in flight, and at most 1,000 behind it; with more it is closed.
 */
export function waitForTurn(response: ServerResponse, socket: Socket, begin: () => void): void {
  const count = (waiting.get(socket) ?? 0) + 1;
  if (count > MAX_WAITING) {
    socket.destroy();
    return;
  }
  waiting.set(socket, count);
  response.once('socket', () => {
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
    begin();
  });
}
