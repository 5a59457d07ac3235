import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { OPEN_METRICS } from '../observability/exposition.js';
import { type Member } from './member.js';
import { type Families, parseFamilies } from './metric-families.js';

const ANSWER_WITHIN_MS = 10_000;

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A worker's whole answer. @throws Error when it does not answer within `withinMs` */
export async function ask({ opsPath }: Member, asked: Asked, withinMs = ANSWER_WITHIN_MS): Promise<Answered> {
  const response = await exchange(opsPath, asked, AbortSignal.timeout(withinMs));
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 502, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Passes a worker's answer on as it comes: for streams of events. Ends when the reader leaves. */
export async function relay({ opsPath }: Member, asked: Asked, reply: ServerResponse): Promise<void> {
  const left = new AbortController();
  reply.once('close', () => left.abort());
  const response = await exchange(opsPath, asked, left.signal);
  reply.writeHead(response.statusCode ?? 502, endToEnd(response.headers));
  response.once('error', () => reply.destroy());
  response.pipe(reply);
}

const METRICS: Asked = {
  method: 'GET',
  path: '/metrics',
  headers: { accept: OPEN_METRICS },
  body: Buffer.of(),
};

/** Remembers what the worker has counted; one that does not answer keeps what it told before. Never throws. */
export async function scrape(member: Member): Promise<void> {
  if (member.final || member.opsPath === '') return;
  const answer = await ask(member, METRICS).catch(() => undefined);
  if (answer?.status === 200) tell(member, parseFamilies(answer.body.toString()), false);
}

/** Takes what a worker has counted; nothing comes after its last words. */
export function tell(member: Member, counted: Families, final: boolean): void {
  if (member.final) return;
  member.last = counted;
  member.final = final;
}

export function send(reply: ServerResponse, { status, headers, body }: Answered): void {
  reply.writeHead(status, { ...endToEnd(headers), 'content-length': body.length });
  reply.end(body);
}

function exchange(socketPath: string, asked: Asked, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = { ...endToEnd(asked.headers), 'content-length': asked.body.length };
  return new Promise((resolve, reject) => {
    const { method, path } = asked;
    const outgoing = request({ socketPath, method, path, headers, signal, agent: false }, resolve);
    outgoing.once('error', reject);
    outgoing.end(asked.body);
  });
}

const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
