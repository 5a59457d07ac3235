// What reads bytes from outside, in this process: bodies, upstreams' events, gateway files.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../dist/config/config-error.js';
import { loadEnvironment } from '../../dist/config/env.js';
import { buildSnapshot } from '../../dist/config/load-snapshot.js';
import { PROVIDER_KINDS } from '../../dist/config/provider-kinds.js';
import { parseChatRequest } from '../../dist/http/json-body.js';
import { GatewayError } from '../../dist/kernel/gateway-error.js';
import { UpstreamFailure } from '../../dist/kernel/upstream.js';
import { ResponseReader } from '../../dist/providers/response-reader.js';
import { SseDecoder } from '../../dist/providers/sse-decoder.js';
import { cut, mutate } from './random.mjs';

export const REQUESTS = [
  '{"model":"m","messages":[{"role":"user","content":"Hello"}]}',
  '{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"system","content":"\\u00e9"},{"role":"user","content":[{"type":"text","text":"Hi 🙂"}]}]}',
  ' { "max_tokens" : 5 , "n":2,"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"metadata":{"a":"b"},"temperature":1E-1 } ',
].map((text) => Buffer.from(text));

export const STREAMS = [
  'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\ndata: {"model":"m","choices":[{"index":0,"delta":{"content":"Hi 🙂"}}]}\n\n: c\n\ndata: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
  '\uFEFFevent: a\r\ndata: one\r\ndata: two\r\n\r\ndata\r\r:x\rdata:three\n\nid: 1\nretry: 5\n\n',
].map((text) => Buffer.from(text));

export const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 429 No\r\nRetry-After: 1\r\n\r\nuntil the end',
  'HTTP/1.1 204 x\r\nKeep-Alive: timeout=2\r\n\r\n',
].map((text) => Buffer.from(text));

const ROOT = join(import.meta.dirname, '..', '..');
const SECRET = 'canary-0123456789abcdef';
const FILES = ['gateway.yaml', 'gateway.production.example.yaml'].map((name) =>
  readFileSync(join(ROOT, 'config', name)),
);
FILES.push(
  Buffer.from(
    `{"version":1,"auth":{"keys":[{"id":"k","secret":"${SECRET}"}]},"providers":[{"name":"a","kind":"simulated"}],"models":[{"name":"m","targets":[{"provider":"a","model":"x"}]}]}`,
  ),
);
const env = loadEnvironment({});
const sources = { env, baseDir: ROOT, kinds: PROVIDER_KINDS, wallNow: 0, readFile: () => 'from a file' };

/** A body is refused in words, or understood; and what is sent on says the same as what was understood. */
export function fuzzBody(chance) {
  const bytes = mutate(chance.pick(REQUESTS), chance);
  let request;
  try {
    request = parseChatRequest(bytes, 32);
  } catch (error) {
    ok(error instanceof GatewayError, error);
    return bytes;
  }
  equal(request.document.with(new Map()), bytes);
  const changed = JSON.parse(
    request.document
      .with(
        new Map([
          ['max_tokens', '7'],
          ['user', undefined],
        ]),
      )
      .toString(),
  );
  const expected = { ...request.body, max_tokens: 7 };
  delete expected.user;
  deepEqual(changed, expected);
  return bytes;
}

function decode(pieces, limit) {
  const decoder = new SseDecoder(limit);
  const events = [];
  try {
    for (const piece of pieces) decoder.push(piece, events);
    decoder.end(events);
  } catch (error) {
    ok(error instanceof UpstreamFailure, error);
    return { events, failed: true };
  }
  return { events, failed: false };
}

/** The same events come out however the bytes are cut; and none is much larger than it may be. */
export function fuzzEvents(chance) {
  const bytes = Buffer.concat(Array.from({ length: 1 + chance.below(4) }, () => mutate(chance.pick(STREAMS), chance)));
  const whole = decode([bytes], 1 << 20);
  deepEqual(decode(cut(bytes, chance), 1 << 20), whole);
  const single = [...bytes].map((byte) => Buffer.of(byte));
  deepEqual(decode(single, 1 << 20), whole);
  const limit = 8 + chance.below(200);
  // A byte that is no UTF-8 becomes three.
  for (const { data } of decode(cut(bytes, chance), limit).events) ok(Buffer.byteLength(data) <= 3 * limit, data);
  return bytes;
}

function read(pieces) {
  const seen = { heads: [], body: [], ends: [] };
  const reader = new ResponseReader({
    head: (head) => seen.heads.push([head.status, head.all()]),
    body: (bytes) => seen.body.push(bytes),
    end: (keepAliveMs) => seen.ends.push(keepAliveMs),
    whole: (bytes, keepAliveMs) => {
      seen.body.push(Buffer.from(bytes));
      seen.ends.push(keepAliveMs);
    },
  });
  reader.expect();
  // One room for all, as connections read: what is kept must be a copy.
  const room = Buffer.alloc(1 << 17);
  const understood = pieces.every((piece) => {
    piece.copy(room);
    return reader.push(room.subarray(0, piece.length));
  });
  return {
    ...seen,
    body: Buffer.concat(seen.body).toString('latin1'),
    whole: understood && reader.close(),
    understood,
  };
}

/** The same answer is read, or none, however its bytes are cut; and never two. */
export function fuzzAnswers(chance) {
  const bytes = mutate(chance.pick(ANSWERS), chance);
  const whole = read([bytes]);
  ok(whole.heads.length <= 1 && whole.ends.length <= 1, JSON.stringify(whole));
  for (const pieces of [cut(bytes, chance), [...bytes].map((byte) => Buffer.of(byte))]) {
    const again = read(pieces);
    // Of an answer that is none, how much was read before that was seen depends on the pieces.
    deepEqual(whole.understood ? again : again.understood, whole.understood ? whole : false);
  }
  return bytes;
}

/** A file is refused in words that hold no secret, or is a snapshot. */
export function fuzzFile(chance) {
  const bytes = mutate(chance.pick(FILES), chance, 4);
  const text = bytes.toString();
  // A secret that was copied elsewhere may be taken for a name.
  const hidden = text.includes(`"secret":"${SECRET}"`) && text.split(SECRET).length === 2;
  try {
    buildSnapshot(text, sources);
  } catch (error) {
    ok(error instanceof ConfigError, error);
    ok(!hidden || !error.message.includes(SECRET), error);
  }
  return bytes;
}
