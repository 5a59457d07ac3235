import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { type FastifyReply } from 'fastify';
import { type ConsoleFileName, ConsoleFiles } from './console-files.js';

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

type Received = Readonly<Record<string, string | undefined>>;

/** The operators' web page. It holds no data: that needs an admin key, which its visitors type in. */
@ApiExcludeController()
@Controller('console')
export class ConsoleController {
  readonly #files = new ConsoleFiles();

  @Get()
  page(@Headers() headers: Received, @Res() reply: FastifyReply): void {
    this.#send('index.html', headers, reply);
  }

  @Get('console.js')
  script(@Headers() headers: Received, @Res() reply: FastifyReply): void {
    this.#send('console.js', headers, reply);
  }

  @Get('console.css')
  styles(@Headers() headers: Received, @Res() reply: FastifyReply): void {
    this.#send('console.css', headers, reply);
  }

  #send(name: ConsoleFileName, headers: Received, reply: FastifyReply): void {
    const file = this.#files.find(name);
    if (!file) {
      void reply.code(404).type('text/plain').send('The console was not built: npm run build\n');
      return;
    }
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
