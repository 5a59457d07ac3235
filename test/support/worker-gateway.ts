import { request } from 'node:http';
import { expect } from 'vitest';
import { type GatewayProcess } from './gateway-process.js';

export const ADMIN_KEY = 'sk-admin-0123456789abcdef';
/** Two processes on a busy machine, ms. */
export const STARTS_WITHIN_MS = 60_000;

/** A worker as `GET /admin/workers` shows it. */
export interface WorkerRow {
  readonly id: number;
  readonly pid: number;
  readonly state: string;
  readonly hash: string | null;
}

/** Asks the operations listener under the admin's key. */
export function ops({ opsUrl }: GatewayProcess, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${ADMIN_KEY}`);
  return fetch(`${opsUrl}${path}`, { ...init, headers });
}

/** The same, for a read that must succeed. */
export async function read<Answer>(gateway: GatewayProcess, path: string): Promise<Answer> {
  const answer = await ops(gateway, path);
  expect([path, answer.status]).toEqual([path, 200]);
  return (await answer.json()) as Answer;
}

/** A change that must succeed. */
export async function change(gateway: GatewayProcess, path: string, body?: object): Promise<Record<string, unknown>> {
  const init = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await ops(gateway, path, { method: 'POST', ...init });
  expect([path, answer.status]).toEqual([path, 200]);
  return (await answer.json()) as Record<string, unknown>;
}

export async function workersOf(gateway: GatewayProcess): Promise<readonly WorkerRow[]> {
  return (await read<{ workers: WorkerRow[] }>(gateway, '/admin/workers')).workers;
}

/** Waits until there are two workers, both serve, and none of them has a pid of `without`. */
export async function twoReady(gateway: GatewayProcess, without: readonly number[] = []): Promise<void> {
  const fresh = (rows: readonly WorkerRow[]): number =>
    rows.filter(({ pid, state }) => state === 'ready' && !without.includes(pid)).length;
  const poll = { timeout: 60_000, interval: 100 };
  await expect.poll(async () => fresh(await workersOf(gateway)), poll).toBe(2);
  await expect.poll(async () => (await workersOf(gateway)).length, poll).toBe(2);
}

/** One chat request on a connection of its own, which the next worker in turn takes: whether it was answered whole. */
export function call(
  gateway: GatewayProcess,
  body: { readonly model: string; readonly stream?: boolean },
): Promise<boolean> {
  const bytes = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': bytes.length };
  return new Promise((resolve) => {
    const url = `${gateway.publicUrl}/v1/chat/completions`;
    const outgoing = request(url, { method: 'POST', agent: false, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', () => resolve(false));
      response.once('end', () => {
        resolve(response.statusCode === 200 && text.endsWith(body.stream === true ? 'data: [DONE]\n\n' : '}'));
      });
    });
    outgoing.once('error', () => resolve(false));
    outgoing.end(bytes);
  });
}
