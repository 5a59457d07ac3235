import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { type FastifyReply } from 'fastify';
import { GatewayError } from '../kernel/gateway-error.js';
import { ConsoleFiles } from './console-files.js';

/** Scripts and styles of our own alone, no frame around it, nobody else to talk to. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Asked for each time, sent only when it changed.
  'cache-control': 'no-cache',
  vary: 'accept-encoding',
};

/** The operators' web page. It holds no data: that needs an admin key, which its visitors type in. */
@ApiExcludeController()
@Controller('console')
export class ConsoleController {
  readonly #files = new ConsoleFiles();

  @Get()
  page(@Headers() headers: Readonly<Record<string, string>>, @Res() reply: FastifyReply): void {
    this.#send('index.html', headers, reply);
  }

  @Get(':name')
  file(
    @Param('name') name: string,
    @Headers() headers: Readonly<Record<string, string>>,
    @Res() reply: FastifyReply,
  ): void {
    this.#send(name, headers, reply);
  }

  #send(name: string, headers: Readonly<Record<string, string | undefined>>, reply: FastifyReply): void {
    const file = this.#files.find(name);
    if (!file) throw new GatewayError('not_found', { message: 'No such file of the console.' });
    void reply.headers({ ...HEADERS, etag: file.etag });
    if (headers['if-none-match'] === file.etag) {
      void reply.code(304).send();
      return;
    }
    void reply.type(file.type);
    const zipped = headers['accept-encoding']?.includes('gzip') === true;
    if (zipped) void reply.header('content-encoding', 'gzip');
    void reply.send(zipped ? file.gzipped : file.plain);
  }
}
