// Callers of every kind, good and bad; each call ends, one way or another.
import { request } from 'node:http';
import { connect } from 'node:net';
import { ADMIN, CLIENT } from './rig.mjs';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hello there' }] };
const CALL_MS = 20_000;

/** @returns the status and text; rejects when the caller left, or the connection ended */
function call(api, body, { key = CLIENT, leave = 0, path = '/v1/chat/completions' } = {}) {
  return new Promise((resolve, reject) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const asked = request(`${api}${path}`, { method: 'POST', headers, timeout: CALL_MS }, (response) => {
      let read = '';
      let seen = 0;
      response.setEncoding('utf8').on('data', (piece) => {
        read += piece;
        if (++seen === leave) asked.destroy();
      });
      response.on('end', () => resolve({ status: response.statusCode, text: read }));
      response.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error('took too long')));
    asked.on('error', reject);
    asked.end(text);
    if (leave < 0) setTimeout(() => asked.destroy(), -leave);
  });
}

const left = (promise) => promise.catch(() => undefined);

function pipelined(api) {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(api);
    const socket = connect(Number(port), hostname);
    const body = JSON.stringify(ASK);
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${CLIENT}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.on('error', () => undefined);
    socket.on('close', resolve);
    socket.write(head.repeat(5));
    socket.once('data', () => socket.resetAndDestroy());
    setTimeout(() => socket.destroy(), CALL_MS);
  });
}

/** What a caller may do, and whether it counts as a failure where it is not answered well. */
const KINDS = [
  { weight: 8, must: 200, run: (api) => call(api, { ...ASK, stream: true }) },
  { weight: 5, must: 200, run: (api) => call(api, ASK) },
  { weight: 2, run: (api) => left(call(api, { ...ASK, stream: true }, { leave: 3 })) },
  { weight: 1, run: (api) => left(call(api, { ...ASK, stream: true }, { leave: -2 })) },
  { weight: 1, run: (api) => left(call(api, ASK, { leave: -5 })) },
  { weight: 1, must: 400, run: (api) => call(api, '{"model":') },
  { weight: 1, run: (api) => call(api, ASK, { key: 'wrong' }) },
  { weight: 1, must: 404, run: (api) => call(api, { ...ASK, model: `unknown-${Math.random()}` }) },
  { weight: 1, run: (api) => left(call(api, 'x'.repeat(300_000))) },
  { weight: 1, run: pipelined },
];
const TURNS = KINDS.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));

/** Calls until told to stop. `gate` is awaited before each call. */
export async function caller(api, number, gate, tally) {
  for (let turn = number; await gate(); turn++) {
    const kind = TURNS[turn % TURNS.length];
    tally.calls++;
    const answer = await kind.run(api).catch((error) => ({ status: error.message }));
    if (kind.must !== undefined && answer?.status !== kind.must) {
      const what = String(answer?.status);
      tally.unexpected.set(what, (tally.unexpected.get(what) ?? 0) + 1);
    }
  }
}

export async function operator(ops) {
  const headers = { authorization: `Bearer ${ADMIN}` };
  for (const path of ['/metrics', '/admin/status', '/admin/config', '/v1/ready']) {
    await (await fetch(ops + path, { headers })).text();
  }
}
