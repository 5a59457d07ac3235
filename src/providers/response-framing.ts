import { type ResponseHead } from './response-head.js';

const LENGTH = /^\d{1,15}$/;
const KEEP_ALIVE_TIMEOUT = /\btimeout=(\d{1,6})\b/i;
/** The most that this side keeps an idle connection, ms: engines drop theirs after 5 s without saying so. */
const IDLE_MS = 4_000;
/** A server that tells how long it keeps a connection begins to count before we do. */
const HINT_MARGIN_MS = 1_000;

/** What headers say of where an answer ends, and of what becomes of its connection. */
export interface Framing {
  length: number | undefined;
  isChunked: boolean;
  connection: string | undefined;
  keepAlive: string | undefined;
}

/** The framing of an answer with this head. @returns undefined where servers might disagree */
export function framingOf(head: ResponseHead): Framing | undefined {
  const framing: Framing = { length: undefined, isChunked: false, connection: undefined, keepAlive: undefined };
  for (const line = head.cursor(); line.next();) {
    if (line.is('content-length')) {
      if (framing.length !== undefined || !LENGTH.test(line.value)) return undefined;
      framing.length = Number(line.value);
    } else if (line.is('transfer-encoding')) {
      if (framing.isChunked || line.value.toLowerCase() !== 'chunked') return undefined;
      framing.isChunked = true;
    } else if (line.is('connection')) framing.connection = `${framing.connection ?? ''},${line.value}`;
    else if (line.is('keep-alive')) framing.keepAlive = line.value;
  }
  return framing.isChunked && framing.length !== undefined ? undefined : framing;
}

/** How long the connection may be kept for another request, ms; 0 where it may not. */
export function keepAliveMs({ connection, keepAlive }: Framing): number {
  if (connection !== undefined && /\bclose\b/i.test(connection)) return 0;
  const hint = keepAlive === undefined ? undefined : KEEP_ALIVE_TIMEOUT.exec(keepAlive)?.[1];
  return hint === undefined ? IDLE_MS : Math.max(0, Math.min(IDLE_MS, Number(hint) * 1_000 - HINT_MARGIN_MS));
}
