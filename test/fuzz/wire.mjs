// A running gateway between callers and an upstream that both send what they like.
import { equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cut, mutate } from './random.mjs';
import { REQUESTS, STREAMS } from './parsers.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
/** Far beyond every bound of the gateway that is started here. */
const HANG_MS = 20_000;
const KEY = 'a-key-of-the-fuzzer-0123456789';
const ANSWER = Buffer.from(
  '{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}',
);
const ERROR = Buffer.from('{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"x"}}');
const head = (length) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

function file(baseUrl) {
  const provider = {
    kind: 'openai',
    baseUrl,
    allowPrivate: true,
    timeouts: { firstTokenMs: 300, idleMs: 300, totalMs: 1_000 },
  };
  return {
    version: 1,
    auth: { keys: [{ id: 'k', secret: KEY }] },
    providers: [{ name: 'a', ...provider }],
    models: [{ name: 'm', targets: [{ provider: 'a', model: 'm' }] }],
    guardrails: { words: ['forbidden'], output: { maxCharacters: 1_000 } },
    resilience: { maxAttempts: 2, breaker: { enabled: false }, shedding: { enabled: false } },
  };
}

/** What the upstream answers, by chance: right, changed a little, or by bytes of its own. */
function answer(chance, response) {
  const status = chance.pick([200, 200, 200, 200, 400, 404, 418, 422, 500, 502]);
  const stream = chance.chance(2);
  const body = mutate(status === 200 ? (stream ? chance.pick(STREAMS) : ANSWER) : ERROR, chance, 4);
  if (chance.chance(10)) {
    const { socket } = response;
    const first = `HTTP/1.1 ${status} x\r\nContent-Type: ${stream ? 'text/event-stream' : 'application/json'}\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.end(mutate(Buffer.concat([Buffer.from(first), body]), chance));
    return;
  }
  response.writeHead(status, { 'content-type': stream ? 'text/event-stream' : 'application/json' });
  for (const piece of cut(body, chance).slice(0, 200)) response.write(piece);
  if (chance.chance(12)) response.socket?.destroy();
  else if (!chance.chance(20)) response.end();
}

/** Starts both. @returns what one turn does, and how it ends */
export async function startWire(chance) {
  const upstream = createServer((request, response) => {
    request.resume().on('end', () => answer(chance, response));
    response.on('error', () => undefined);
  });
  await new Promise((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  writeFileSync(join(folder, 'gateway.yaml'), JSON.stringify(file(`http://127.0.0.1:${upstream.address().port}/v1`)));
  const gateway = spawn(process.execPath, ['dist/main.js'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      CONFIG_PATH: join(folder, 'gateway.yaml'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.on('exit', () => gateway.kill('SIGKILL'));
  let said = '';
  let faults = '';
  gateway.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  gateway.stdout.setEncoding('utf8').on('data', (text) => {
    for (const line of text.split('\n')) if (line.includes('"level":"error"')) faults += `${line}\n`;
  });
  while (!said.includes('Try it:')) {
    ok(gateway.exitCode === null, said);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [, port] = /API +http\S+?:(\d+)/.exec(said);
  const [, ops] = /Metrics +(http\S+?)\/metrics/.exec(said);

  const turn = async () => {
    const body = mutate(chance.pick(REQUESTS), chance);
    let bytes = Buffer.concat([Buffer.from(head(body.length)), body]);
    if (chance.chance(3)) bytes = mutate(bytes, chance);
    const text = await exchange(Number(port), cut(bytes, chance).slice(0, 400), chance.chance(15));
    const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
    ok(!statuses.includes(500) && !text.includes('internal_error'), text);
    ok(gateway.exitCode === null && gateway.signalCode === null, said);
    return bytes;
  };
  const finish = async () => {
    const inFlight = async () =>
      /^gateway_in_flight_requests (\d+)/m.exec(await (await fetch(`${ops}/metrics`)).text())?.[1];
    const until = performance.now() + HANG_MS;
    while ((await inFlight()) !== '0') ok(performance.now() < until, 'requests are left in flight');
    equal(faults, '');
    ok(!/Unhandled|Warning|RangeError|TypeError/.test(said), said);
    gateway.kill('SIGKILL');
    upstream.closeAllConnections();
    upstream.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { turn, finish };
}

/** Sends the pieces; what comes back until the other side closes, or has nothing more to say. */
function exchange(port, pieces, leave) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const hung = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end within ${HANG_MS} ms: ${text}`));
    }, HANG_MS);
    let text = '';
    const done = () => {
      clearTimeout(hung);
      socket.destroy();
      resolve(text);
    };
    socket.setEncoding('latin1').on('data', (more) => (text += more));
    socket.on('error', () => undefined);
    socket.on('close', done);
    for (const piece of pieces) socket.write(piece);
    // What is cut short is not waited for; the end of the caller's half ends the request.
    if (leave) socket.resetAndDestroy();
    else socket.once('data', () => socket.end());
    setTimeout(() => socket.end(), 400);
  });
}
