// Closed-loop load on raw keep-alive sockets: `connections` callers, each sends its next request when its answer is
// whole. Every answer is checked. It runs as a process of its own: as a child it takes jobs as messages, by hand
//   node bench/load.mjs '{"url":"http://127.0.0.1:8000","body":{…},"requests":1000,"connections":32}'
// prints the result as JSON.
import { connect } from 'node:net';
import { Answer, faultOfJson, faultOfStream, isShed } from './answer.mjs';
import { quantiles } from './statistics.mjs';
import { nowUs, sendTimes } from './timed-streams.mjs';

/** Sockets opened at once, so that no listen queue overflows. */
const OPENED_TOGETHER = 64;
const EXAMPLES = 3;

/** A job that takes longer has hung. */
const JOB_TIMEOUT_MS = 180_000;

const requestBytes = ({ url, key, headers = {}, body }) => {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const authorization = key ? `authorization: Bearer ${key}\r\n` : '';
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${authorization}${more.join('')}` +
      `content-type: application/json\r\naccept: */*\r\nuser-agent: bench\r\n` +
      `content-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
  );
};

function open(url) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

async function openMany(url, count) {
  const sockets = [];
  while (sockets.length < count) {
    const batch = Math.min(OPENED_TOGETHER, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => open(url)))));
  }
  return sockets;
}

const LAST_BYTES = 80;

/** Tells a relay that gave up in the middle from one that closed an idle connection as the request came. */
function unfinished(answer, cause) {
  const bytes = answer?.bytes() ?? Buffer.alloc(0);
  const last = JSON.stringify(bytes.toString('latin1', Math.max(0, bytes.length - LAST_BYTES)));
  return `connection closed before the answer was whole (${cause}), after ${bytes.length} bytes that end with ${last}`;
}

/** Sends `requests` requests and waits for their answers. */
export async function run(job) {
  const { url, requests, connections, events = 0 } = job;
  const request = requestBytes(job);
  const sockets = await openMany(url, Math.min(connections, requests));
  const firstBytes = new Float64Array(requests);
  const totals = new Float64Array(requests);
  const faults = [];
  let started = 0;
  let ended = 0;
  let failed = 0;
  let shed = 0;
  /** The last plain body that was found right: an equal one needs no second look. */
  let known = Buffer.alloc(0);

  const fail = (fault) => {
    failed++;
    if (faults.length < EXAMPLES) faults.push(fault);
  };
  const check = (answer) => {
    if (isShed(answer.status(), answer.body())) shed++;
    if (answer.status() !== 200) return fail(`status ${answer.status()}: ${answer.body().slice(0, 300)}`);
    if (events > 0) {
      const fault = faultOfStream(answer.body(), events);
      return fault && fail(fault);
    }
    const bytes = answer.bytes();
    const body = bytes.subarray(answer.headBytes);
    if (!answer.chunked && body.equals(known)) return;
    const fault = faultOfJson(answer.body());
    if (fault) fail(fault);
    else if (!answer.chunked) known = Buffer.from(body);
  };

  const late = setTimeout(() => {
    fail(`not done after ${JOB_TIMEOUT_MS} ms`);
    for (const socket of sockets) socket.destroy();
  }, JOB_TIMEOUT_MS);
  const wallStart = performance.now();
  await new Promise((resolve) => {
    const finish = () => {
      if (++ended === requests) resolve();
    };
    for (const socket of sockets) {
      let answer;
      let sentAt = 0;
      let index = 0;
      const next = () => {
        answer = undefined;
        if (started === requests) return socket.end();
        index = started++;
        sentAt = performance.now();
        socket.write(request);
      };
      socket.on('data', (bytes) => {
        if (!answer) {
          answer = new Answer();
          firstBytes[index] = performance.now() - sentAt;
        }
        if (!answer.add(bytes)) return;
        totals[index] = performance.now() - sentAt;
        check(answer);
        finish();
        next();
      });
      let isOver = false;
      const over = (cause) => {
        if (isOver) return;
        isOver = true;
        if (index < started && totals[index] === 0) {
          fail(unfinished(answer, cause));
          finish();
        }
        // Its share of what is left can be done by nobody: count it, so that the job ends.
        if (sockets.every((other) => other === socket || other.destroyed)) {
          while (started < requests) {
            started++;
            fail('no connection left');
            finish();
          }
        }
      };
      socket.on('error', ({ code }) => over(code));
      socket.on('close', () => over('end of file'));
      next();
    }
  });
  const wallMs = performance.now() - wallStart;
  clearTimeout(late);
  for (const socket of sockets) socket.destroy();
  return {
    ok: requests - failed,
    failed,
    shed,
    faults,
    wallMs,
    ttft: quantiles(firstBytes),
    total: quantiles(totals),
  };
}

const held = [];

/** Opens `connections` more streams, pausing between batches, and holds them open; resolves when each has its first bytes. */
async function hold(job) {
  const request = requestBytes(job);
  for (let opened = 0; opened < job.connections; opened += OPENED_TOGETHER) {
    const sockets = await openMany(job.url, Math.min(OPENED_TOGETHER, job.connections - opened));
    for (const socket of sockets) socket.on('error', () => socket.destroy());
    held.push(...sockets);
    await Promise.all(sockets.map((socket) => firstAnswer(socket, request, job.timed)));
    if (job.pauseMs) await new Promise((resolve) => setTimeout(resolve, job.pauseMs));
  }
  return { held: held.length };
}

/** How long events of timed streams were under way, ms; undefined while nobody wants to know. */
let delays;

function noteDelays(bytes) {
  if (!delays) return;
  const arrived = nowUs();
  for (const sent of sendTimes(bytes.toString('latin1'))) delays.push((arrived - sent) / 1_000);
}

/** Notes the delays of all timed streams that are held for `forMs`. */
async function listen({ forMs }) {
  delays = [];
  await new Promise((resolve) => setTimeout(resolve, forMs));
  const noted = delays;
  delays = undefined;
  return { events: noted.length, delayMs: quantiles(noted) };
}

function firstAnswer(socket, request, timed) {
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes) => {
      if (bytes.toString('latin1', 9, 12) === '200') resolve();
      else reject(new Error(`a held stream was refused: ${bytes.toString('latin1', 0, 1_000)}`));
      if (timed) socket.on('data', noteDelays);
      else socket.resume();
    });
    socket.once('close', () => reject(new Error('a held stream was closed')));
    socket.write(request);
  });
}

function release() {
  for (const socket of held.splice(0)) socket.destroy();
  return { held: 0 };
}

const actions = { run, hold, listen, release };

if (process.send) {
  process.on('message', async ({ action, job }) => {
    try {
      process.send({ result: await actions[action](job) });
    } catch (error) {
      process.send({ error: error.message });
    }
  });
  process.on('disconnect', () => process.exit(0));
} else {
  const job = JSON.parse(process.argv[2] ?? 'null');
  if (!job) {
    console.error('usage: node bench/load.mjs \'{"url":…,"body":{…},"requests":1000,"connections":32,"events":0}\'');
    process.exit(2);
  }
  console.log(JSON.stringify(await run(job), null, 2));
}
