// The platform by itself: a Nest controller on Fastify, three guards that allow and a parsed body, as the gateway has
// them, before connections to the upstream that handle the good case alone. No policy, no metrics, no log, no streams: what a
// gateway on Nest costs at least, and no relay fit for use. Settings: PORT, UPSTREAM.
import 'reflect-metadata';
import { Controller, Get, HttpCode, Module, Post, Req, Res, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { connect } from 'node:net';

const upstream = new URL(process.env.UPSTREAM);
const HEAD_END = Buffer.from('\r\n\r\n');
const READ_BYTES = 64 * 1024;
const NOT_PASSED_ON = new Set(['host', 'connection', 'keep-alive']);
const idle = [];

/** One request at a time; an answer has a length and comes whole in one read. */
class Connection {
  constructor() {
    const callback = (length, buffer) => {
      this.#answer(buffer.subarray(0, length));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback };
    this.socket = connect({ port: Number(upstream.port), host: upstream.hostname, noDelay: true, onread });
  }

  ask(text, reply, answered) {
    this.reply = reply;
    this.answered = answered;
    this.socket.write(text, 'latin1');
  }

  #answer(bytes) {
    const headEnd = bytes.indexOf(HEAD_END);
    const [statusLine, ...lines] = bytes.latin1Slice(0, headEnd).split('\r\n');
    const headers = [];
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon);
      if (!NOT_PASSED_ON.has(name.toLowerCase())) headers.push(name, line.slice(colon + 1).trim());
    }
    const { reply, answered } = this;
    idle.push(this);
    reply.writeHead(Number(statusLine.split(' ')[1]), headers);
    reply.end(bytes.latin1Slice(headEnd + HEAD_END.length), 'latin1');
    answered();
  }
}

const guards = Array.from(
  { length: 3 },
  () =>
    class Allows {
      canActivate() {
        return true;
      }
    },
);

class Relay {
  complete(request, reply) {
    const { rawHeaders, bytes } = request.raw;
    let text = `POST ${request.url} HTTP/1.1\r\nhost: ${upstream.host}\r\n`;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      if (!NOT_PASSED_ON.has(rawHeaders[at].toLowerCase())) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
    }
    text += `\r\n${bytes.latin1Slice()}`;
    return new Promise((answered) => (idle.pop() ?? new Connection()).ask(text, reply.raw, answered));
  }

  models() {
    return {};
  }
}

/** What a decorator does to a method, without the syntax, which this file's language does not have. */
function decorate(method, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(Relay.prototype, method);
  for (const decorator of decorators) decorator(Relay.prototype, method, descriptor);
}

decorate('complete', Post('chat/completions'), HttpCode(200), UseGuards(...guards));
Req()(Relay.prototype, 'complete', 0);
Res()(Relay.prototype, 'complete', 1);
decorate('models', Get('models'));
Controller('v1')(Relay);
class RelayModule {}
Module({ controllers: [Relay] })(RelayModule);

const adapter = new FastifyAdapter({ skipMiddie: true, requestIdHeader: false, genReqId: () => '' });
const app = await NestFactory.create(RelayModule, adapter, { logger: false, bodyParser: false });
const server = adapter.getInstance();
server.removeAllContentTypeParsers();
server.addContentTypeParser('application/json', ({ raw }, _payload, done) => {
  raw.on('data', (bytes) => (raw.bytes = bytes));
  raw.on('end', () => done(null, JSON.parse(raw.bytes.latin1Slice())));
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
