import { type Answered } from './worker-relay.js';

/** What the primary answers by itself. */
export function json(status: number, value: object): Answered {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };
  return { status, headers, body: Buffer.from(JSON.stringify(value)) };
}

/** An error as the gateway writes them. */
export function failure(status: number, code: string, message: string): Answered {
  return json(status, { error: { message, type: 'gateway_error', param: null, code } });
}

export const NO_WORKER = failure(503, 'no_worker', 'No worker answers.');
