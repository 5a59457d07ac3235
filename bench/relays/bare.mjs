// The unit r: the least that a relay in Node can do. node:http in, undici's `dispatch` out, bytes through, nothing
// parsed. Like any relay fit for use it passes back-pressure on and lets go of the upstream when the client leaves.
// Settings: PORT, UPSTREAM.
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool(process.env.UPSTREAM, { connections: null, pipelining: 1, bodyTimeout: 0, headersTimeout: 0 });
const NOT_PASSED_ON = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding']);

function requestHeaders(raw) {
  const headers = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (!NOT_PASSED_ON.has(raw[at].toLowerCase())) headers.push(raw[at], raw[at + 1]);
  }
  return headers;
}

function responseHeaders(raw) {
  const headers = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toString('latin1');
    if (!NOT_PASSED_ON.has(name.toLowerCase())) headers.push(name, raw[at + 1].toString('latin1'));
  }
  return headers;
}

class Relay {
  constructor(response) {
    this.response = response;
    this.abort = undefined;
    response.on('close', () => {
      if (!response.writableEnded) this.abort?.();
    });
  }

  onConnect(abort) {
    this.abort = abort;
  }

  onHeaders(status, raw, resume) {
    this.resume = resume;
    this.response.writeHead(status, responseHeaders(raw));
    return true;
  }

  onData(bytes) {
    if (this.response.write(bytes)) return true;
    this.response.once('drain', this.resume);
    return false;
  }

  onComplete() {
    this.response.end();
  }

  onError() {
    if (this.response.headersSent) this.response.destroy();
    else this.response.writeHead(502).end();
  }
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 0 ? null : chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    const headers = requestHeaders(request.rawHeaders);
    pool.dispatch({ method: request.method, path: request.url, headers, body }, new Relay(response));
  });
});
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
