// A fake OpenAI upstream on raw sockets: a fixed answer for a fixed price, so that what is measured is the relay.
// The shape of an answer is in the model's name: `bench-json`, or `bench-64x0` for a stream of 64 content events,
// 0 ms apart; `bench-timed-1000` sends an event every 1,000 ms that says when it was sent, all streams spread evenly over
// that time, until the caller leaves. Settings: PORT (0: any), EVENTS and INTERVAL_MS for other model names. Prints its address as JSON.
import { createServer } from 'node:net';
import { setImmediate } from 'node:timers';
import { EvenTicker, nowUs, sentAt } from './timed-streams.mjs';

const HEAD_END = Buffer.from('\r\n\r\n');
/** Members that matter stand in the first or the last KiB of a body; the prompt between them is not looked at. */
const LOOKED_AT_BYTES = 1024;
const DEFAULT_SHAPE = { events: Number(process.env.EVENTS ?? 64), intervalMs: Number(process.env.INTERVAL_MS ?? 0) };

const usage = { prompt_tokens: 19, completion_tokens: 64, total_tokens: 83 };
const chunkHead =
  '{"id":"chatcmpl-bench0123456789","object":"chat.completion.chunk","created":1750000000,"model":"bench"';
const event = (choices, more = '') =>
  `data: ${chunkHead},"system_fingerprint":"fp_bench","choices":${JSON.stringify(choices)}${more}}\n\n`;
const choice = (delta, finish_reason = null) => [{ index: 0, delta, logprobs: null, finish_reason }];
const httpChunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

const PRELUDE = event(choice({ role: 'assistant', content: '' }));
const CONTENT = event(choice({ content: ' word' }));
const FINISH = event(choice({}, 'stop'));
const USAGE = event([], `,"usage":${JSON.stringify(usage)}`);
const DONE = 'data: [DONE]\n\n';
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n' +
  'x-request-id: req-bench\r\ntransfer-encoding: chunked\r\n\r\n';
const OPENING = Buffer.from(STREAM_HEAD + httpChunk(PRELUDE) + httpChunk(CONTENT));
const ONE_CONTENT = Buffer.from(httpChunk(CONTENT));
const ending = (includeUsage) => `${httpChunk(FINISH + (includeUsage ? USAGE : '') + DONE)}0\r\n\r\n`;
const ENDING = { true: Buffer.from(ending(true)), false: Buffer.from(ending(false)) };

const answer = JSON.stringify({
  id: 'chatcmpl-bench0123456789',
  object: 'chat.completion',
  created: 1750000000,
  model: 'bench',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'word '.repeat(64).trim(), refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { ...usage, prompt_tokens_details: { cached_tokens: 0 } },
  system_fingerprint: 'fp_bench',
});
const respond = (status, body) =>
  Buffer.from(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nx-request-id: req-bench\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
const JSON_ANSWER = respond('200 OK', answer);
const ALIVE = respond('200 OK', '{"object":"list","data":[]}');
const LENGTH_REQUIRED = respond('411 Length Required', '{"error":{"message":"send content-length"}}');

/** A burst of events leaves in writes of this many: what a fast upstream's reads look like to a relay. */
const EVENTS_PER_WRITE = 8;
const BURST = Buffer.from(httpChunk(CONTENT).repeat(EVENTS_PER_WRITE));

function stream(socket, { events, intervalMs }, includeUsage) {
  let left = events - 1;
  socket.write(OPENING);
  const end = () => {
    clearInterval(socket.ticker);
    socket.write(ENDING[includeUsage]);
  };
  if (intervalMs > 0) {
    socket.ticker = setInterval(() => (left-- > 0 ? socket.write(ONE_CONTENT) : end()), intervalMs);
    return;
  }
  const burst = () => {
    if (socket.destroyed) return;
    if (left === 0) return end();
    const now = Math.min(left, EVENTS_PER_WRITE);
    left -= now;
    socket.write(now === EVENTS_PER_WRITE ? BURST : Buffer.from(httpChunk(CONTENT).repeat(now)));
    setImmediate(burst);
  };
  setImmediate(burst);
}

const tickers = new Map();

function timedStream(socket, intervalMs) {
  const send = (to) => to.write(httpChunk(event(choice({ content: sentAt(nowUs()) }))));
  if (!tickers.has(intervalMs)) tickers.set(intervalMs, new EvenTicker(intervalMs, send));
  socket.write(OPENING);
  socket.once('close', tickers.get(intervalMs).add(socket));
}

function reply(socket, members) {
  if (!members.includes('"stream":true')) {
    socket.write(JSON_ANSWER);
    return;
  }
  const timed = /"model":"bench-timed-(\d+)"/.exec(members);
  if (timed) return timedStream(socket, Number(timed[1]));
  const shape = /"model":"[a-z-]*(\d+)x(\d+)"/.exec(members);
  const wanted = shape ? { events: Number(shape[1]), intervalMs: Number(shape[2]) } : DEFAULT_SHAPE;
  stream(socket, wanted, members.includes('"include_usage":true'));
}

function serve(socket) {
  socket.setNoDelay(true);
  /** Bytes of a head that is not whole yet. */
  let pending;
  /** Body bytes still to come; its first and last KiB. */
  let missing = 0;
  let first = '';
  let last = '';
  socket.on('data', (data) => {
    if (missing > 0) {
      missing -= data.length;
      last = (last + data.toString('latin1', Math.max(0, data.length - LOOKED_AT_BYTES))).slice(-LOOKED_AT_BYTES);
      if (missing <= 0) reply(socket, first + last);
      return;
    }
    if (pending) data = Buffer.concat([pending, data]);
    pending = undefined;
    const headEnd = data.indexOf(HEAD_END);
    if (headEnd < 0) {
      pending = data;
      return;
    }
    const head = data.toString('latin1', 0, headEnd);
    if (!head.startsWith('POST')) return socket.write(ALIVE);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (!length) return socket.end(LENGTH_REQUIRED);
    const bodyStart = headEnd + HEAD_END.length;
    missing = Number(length[1]) - (data.length - bodyStart);
    first = data.toString('latin1', bodyStart, bodyStart + LOOKED_AT_BYTES);
    last = data.toString('latin1', Math.max(bodyStart, data.length - LOOKED_AT_BYTES));
    if (missing <= 0) reply(socket, first + last);
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearInterval(socket.ticker));
}

const server = createServer({ noDelay: true }, serve);
server.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
