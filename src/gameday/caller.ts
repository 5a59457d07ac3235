import { Agent, type IncomingMessage, request } from 'node:http';
import { systemClock } from '../kernel/clock.js';
import { GAMEDAY_MODEL } from './gateway-file.js';

/** Longer than any request of a game day takes, ms. */
const GIVES_UP_AFTER_MS = 30_000;

/**
 * What a caller saw: `ok` a whole answer; `limited` a 4xx; `shed` a refusal that protects (`overloaded`,
 * `queue_timeout`); `failed` another 5xx; `broken` a stream that ended with an error event; `lost` no answer, or one
 * that ended without saying so.
 */
export type Outcome = 'ok' | 'limited' | 'shed' | 'failed' | 'broken' | 'lost';

/** One request, times in ms since the start of the game day. */
export interface Call {
  readonly startMs: number;
  readonly endMs: number;
  /** The first content of a stream, or the whole plain answer. */
  readonly firstMs: number | undefined;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string | undefined;
  readonly outcome: Outcome;
  readonly provider: string | undefined;
  readonly attempts: number;
}

const SHED = new Set(['overloaded', 'queue_timeout']);

/** Sends chat requests over real sockets and notes what became of them. */
export class Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity });

  constructor(
    private readonly url: string,
    private readonly key: string,
    /** Clock reading at the start of the game day. */
    private readonly origin: number,
  ) {}

  /** Never rejects. */
  call(stream: boolean): Promise<Call> {
    const startMs = this.#now();
    const body = JSON.stringify({ model: GAMEDAY_MODEL, stream, messages: [{ role: 'user', content: 'Play along.' }] });
    return new Promise((resolve) => {
      const conclude = (seen: Partial<Call> & Pick<Call, 'outcome'>): void => {
        timer.cancel();
        const nothing = { firstMs: undefined, status: 0, code: undefined, provider: undefined, attempts: 0 };
        resolve({ ...nothing, stream, startMs, endMs: this.#now(), ...seen });
      };
      const sent = request(`${this.url}/v1/chat/completions`, {
        method: 'POST',
        agent: this.#agent,
        headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      });
      const timer = systemClock.after(GIVES_UP_AFTER_MS, () => sent.destroy(new Error('no answer in time')));
      sent.on('error', () => conclude({ outcome: 'lost' }));
      sent.on('response', (response) => this.#read(response, stream, conclude));
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #read(response: IncomingMessage, stream: boolean, conclude: (seen: Partial<Call> & Pick<Call, 'outcome'>) => void) {
    let text = '';
    let firstMs: number | undefined;
    const { statusCode: status = 0, headers } = response;
    const provider = headers['x-gateway-provider'];
    const attempts = Number(headers['x-gateway-attempts'] ?? 0);
    const seen = (outcome: Outcome, code?: string): Partial<Call> & Pick<Call, 'outcome'> => ({
      outcome,
      code,
      status,
      firstMs,
      attempts,
      provider: typeof provider === 'string' ? provider : undefined,
    });
    response.setEncoding('utf8');
    response.on('data', (piece: string) => {
      firstMs ??= this.#now();
      text += piece;
    });
    response.on('end', () => {
      const code = /"code":"(\w+)"/.exec(text)?.[1];
      conclude(
        status === 200 ? seen(outcomeOf200(text, stream), streamError(text)) : seen(refusal(status, code), code),
      );
    });
    response.on('error', () => conclude(seen('lost')));
  }

  #now(): number {
    return systemClock.now() - this.origin;
  }
}

function outcomeOf200(text: string, stream: boolean): Outcome {
  if (stream) {
    if (text.trimEnd().endsWith('data: [DONE]')) return 'ok';
    return streamError(text) === undefined ? 'lost' : 'broken';
  }
  return text.trimEnd().endsWith('}') ? 'ok' : 'lost';
}

function streamError(text: string): string | undefined {
  return /data: \{"error":.*"code":"(\w+)"/.exec(text)?.[1];
}

function refusal(status: number, code: string | undefined): Outcome {
  if (status < 500) return 'limited';
  return code !== undefined && SHED.has(code) ? 'shed' : 'failed';
}
