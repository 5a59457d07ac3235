import { type Socket } from 'node:net';
import { type Principal, type Snapshot } from '../kernel/snapshot.js';
import { type KeyOwner } from './key-index.js';

/** A credential that was found valid. */
export interface AcceptedKey extends KeyOwner {
  /** The `authorization` header as it came. */
  readonly authorization: string;
  /** What it was looked up in. */
  readonly snapshot: Snapshot;
}

const SLOT = Symbol('AcceptedKey');

interface Remembering extends Socket {
  [SLOT]?: AcceptedKey;
}

/** Keeps what a connection was last accepted with, as long as the connection lives. */
export function rememberKey(socket: Socket, accepted: AcceptedKey): void {
  (socket as Remembering)[SLOT] = accepted;
}

/** The owner of a credential that this connection was accepted with before, by the same snapshot, and that has not expired. */
export function acceptedBefore(
  socket: Socket,
  authorization: string,
  snapshot: Snapshot,
  wallMs: number,
): Principal | undefined {
  const known = (socket as Remembering)[SLOT];
  if (known?.snapshot !== snapshot || wallMs >= known.expiresAt) return undefined;
  return isSameText(known.authorization, authorization) ? known.principal : undefined;
}

/** Takes the same time wherever texts of one length differ: behind a proxy, a connection may be shared with somebody who guesses. */
function isSameText(known: string, given: string): boolean {
  if (known.length !== given.length) return false;
  let difference = 0;
  for (let at = 0; at < known.length; at++) difference |= known.charCodeAt(at) ^ given.charCodeAt(at);
  return difference === 0;
}
