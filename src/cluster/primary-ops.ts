import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Clock } from '../kernel/clock.js';
import { OPEN_METRICS, OPEN_METRICS_TYPE, TEXT_TYPE } from '../observability/exposition.js';
import { type Member } from './member.js';
import { MergedEvents } from './merged-events.js';
import { mergeFamilies } from './merged-metrics.js';
import { mergeOf } from './merged-views.js';
import { type Format, writeFamilies } from './metric-families.js';
import { failure, json, NO_WORKER } from './own-answers.js';
import { type WorkerPool } from './worker-pool.js';
import { type Answered, ask, type Asked, relay, scrape, send } from './worker-relay.js';

/** Wait for each worker's part of a merged answer, ms: one that hangs is left out. */
const PART_WITHIN_MS = 2_000;
const STATUS = '/admin/status';
const EVENTS = '/admin/events';
const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** Writes by their method that change nothing, or that must happen once: one worker answers. */
const ONE_WORKER = /^\/admin\/(explain|playground|config\/validate)$/;

/** The one operations listener of all workers. Keys are checked by the workers alone. */
export class PrimaryOps {
  readonly server: Server;
  readonly #events: MergedEvents;

  /** @param restart starts a rolling restart; false where one is under way */
  constructor(
    private readonly pool: WorkerPool,
    private readonly clock: Clock,
    private readonly restart: () => boolean,
  ) {
    this.#events = new MergedEvents(clock);
    this.server = createServer((request, reply) => {
      this.#answer(request, reply).catch(() => {
        if (reply.headersSent) reply.destroy();
        else send(reply, NO_WORKER);
      });
    });
  }

  async #answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (!body) {
      send(reply, failure(413, 'request_too_large', 'The body is too large.'));
      return;
    }
    const { method = 'GET', headers, url = '/' } = request;
    const asked: Asked = { method, headers, path: url, body };
    const { pathname, searchParams } = new URL(url, 'http://primary');
    if (pathname === '/metrics') send(reply, await this.#metrics(headers.accept));
    else if (/^\/(v1\/health|health|healthz)$/.test(pathname)) send(reply, json(200, { status: 'ok', details: {} }));
    else if (/^\/(v1\/ready|ready|readyz)$/.test(pathname)) send(reply, await this.#firstGood(asked));
    else if (/^\/admin\/requests\/[^/]+$/.test(pathname)) send(reply, await this.#firstGood(asked));
    else if (pathname.startsWith('/admin/workers')) send(reply, await this.#workers(asked, pathname));
    else if (isMerged(asked, pathname, searchParams)) await this.#merge(asked, pathname, searchParams, reply);
    else if (method === 'GET' || ONE_WORKER.test(pathname)) await this.#relay(asked, pathname, searchParams, reply);
    else send(reply, await this.#toAll(asked));
  }

  /** A worker that does not answer in time counts with what it told last: no total goes backwards. */
  async #metrics(accept: string | undefined): Promise<Answered> {
    await Promise.all(this.pool.listening.map(scrape));
    // Read in one turn: a worker that has just ended is in one of the two, not in both.
    const living = this.pool.all.map(({ worker, last }) => ({ worker: worker.id, families: last }));
    const { format, contentType } = formatFor(accept);
    const text = writeFamilies(mergeFamilies(living, this.pool.ended), format);
    return { status: 200, headers: { 'content-type': contentType }, body: Buffer.from(text) };
  }

  async #merge(asked: Asked, pathname: string, query: URLSearchParams, reply: ServerResponse): Promise<void> {
    if (pathname !== EVENTS) {
      send(reply, await this.#merged(asked, pathname, query));
      return;
    }
    const status: Asked = { method: 'GET', path: STATUS, headers: readerOf(asked.headers), body: Buffer.of() };
    await this.#events.stream(reply, () => this.#merged(status, STATUS, query));
  }

  /** One answer of those of all workers, with the ids of the workers in it; else what one of them refused with. */
  async #merged(asked: Asked, pathname: string, query: URLSearchParams): Promise<Answered> {
    const parts = await Promise.all(
      this.pool.listening.map(async (member) => {
        const answer = await ask(member, asked, PART_WITHIN_MS).catch(() => undefined);
        return answer && { worker: member.worker.id, answer };
      }),
    );
    const answered = parts.filter((part) => part !== undefined);
    const good = answered.filter(({ answer }) => answer.status === 200);
    const merge = mergeOf(pathname);
    // A key that one worker refuses may be revoked already.
    const refusal = answered.find(({ answer }) => answer.status >= 400 && answer.status < 500);
    if (refusal || good.length === 0 || !merge) return (refusal ?? answered[0])?.answer ?? NO_WORKER;
    const bodies = good.map(({ answer }) => JSON.parse(answer.body.toString()) as unknown);
    return json(200, { ...merge(bodies, query), workers: good.map(({ worker }) => worker) });
  }

  /** The first good answer of any worker, else one of those that refused. */
  async #firstGood(asked: Asked): Promise<Answered> {
    const answers = await this.#askAll(asked);
    const found = answers.find(({ status }) => status === 200) ?? answers[0];
    return found ?? NO_WORKER;
  }

  /** One answer of all: the worst. */
  async #toAll(asked: Asked): Promise<Answered> {
    const answers = await this.pool.inTurn(() =>
      Promise.all(
        this.pool.listening.map(async (member) => {
          const answer = await ask(member, asked).catch(() => undefined);
          if (answer) return answer;
          // One that ends has nothing to take over any more.
          const serves = this.pool.all.includes(member) && member.state === 'ready';
          return serves ? failure(502, 'worker_silent', `Worker ${member.worker.id} does not answer.`) : undefined;
        }),
      ),
    );
    const [worst] = answers.filter((answer) => answer !== undefined).sort((a, b) => badness(b) - badness(a));
    return worst ?? NO_WORKER;
  }

  async #askAll(asked: Asked): Promise<readonly Answered[]> {
    const answers = this.pool.listening.map((member) => ask(member, asked).catch(() => undefined));
    return (await Promise.all(answers)).filter((answer) => answer !== undefined);
  }

  async #relay(asked: Asked, pathname: string, query: URLSearchParams, reply: ServerResponse): Promise<void> {
    const wanted = query.get('worker');
    const member = this.#member(wanted);
    if (!member) {
      send(reply, wanted === null ? NO_WORKER : failure(404, 'no_worker', 'There is no such worker.'));
      return;
    }
    query.delete('worker');
    const path = query.size === 0 ? pathname : `${pathname}?${query.toString()}`;
    await relay(member, { ...asked, path }, reply);
  }

  #member(wanted: string | null): Member | undefined {
    const { listening } = this.pool;
    if (wanted !== null) return listening.find(({ worker }) => String(worker.id) === wanted);
    return listening.find(({ state }) => state === 'ready') ?? listening[0];
  }

  async #workers(asked: Asked, pathname: string): Promise<Answered> {
    const { headers } = asked;
    const config = { method: 'GET', path: '/admin/config/history', headers: readerOf(headers), body: Buffer.of() };
    const first = await this.#firstGood(config);
    if (first.status !== 200) return first;
    if (asked.method === 'POST' && pathname === '/admin/workers/restart') {
      return this.restart() ? json(202, { restarting: true }) : failure(409, 'restarting', 'A restart is under way.');
    }
    if (asked.method !== 'GET' || pathname !== '/admin/workers') return failure(404, 'not_found', 'No such route.');
    const workers = this.pool.all.map(async (member) => {
      const answer = member.opsPath === '' ? undefined : await ask(member, config).catch(() => undefined);
      const hash = answer?.status === 200 ? (JSON.parse(answer.body.toString()) as { current: string }).current : null;
      const { worker, state, startedAt } = member;
      return {
        id: worker.id,
        pid: worker.process.pid,
        state,
        uptimeMs: Math.round(this.clock.now() - startedAt),
        hash,
      };
    });
    return json(200, { workers: await Promise.all(workers) });
  }
}

/** Reads that are sums over all workers, where none is chosen. */
function isMerged({ method }: Asked, pathname: string, query: URLSearchParams): boolean {
  return method === 'GET' && !query.has('worker') && (pathname === EVENTS || mergeOf(pathname) !== undefined);
}

function formatFor(accept: string | undefined): { readonly format: Format; readonly contentType: string } {
  return accept?.includes(OPEN_METRICS) === true
    ? { format: 'openmetrics', contentType: OPEN_METRICS_TYPE }
    : { format: 'text', contentType: TEXT_TYPE };
}

/** A configuration that is refused is answered with 200. */
function badness({ status, body }: Answered): number {
  return status === 200 && body.includes('"result":"rejected"') ? 299 : status;
}

function readerOf({ authorization }: IncomingMessage['headers']): IncomingMessage['headers'] {
  return authorization === undefined ? {} : { authorization };
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
