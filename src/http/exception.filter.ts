import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  Inject,
  Logger,
  ServiceUnavailableException,
} from '@nestjs/common';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { CLOCK } from '../kernel/tokens.js';
import { findContext } from './context-slot.js';
import { toGatewayError } from './error-answer.js';
import { KnownRoutes } from './known-routes.js';
import { answerAndLinger } from './lingering-close.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The one place that answers errors: every entrance ends here, in OpenAI's shape. */
@Catch()
export class GatewayExceptionFilter implements ExceptionFilter {
  readonly #logger = new Logger('Exceptions');

  constructor(
    private readonly routes: KnownRoutes,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (thrown instanceof ServiceUnavailableException) {
      // Terminus reports what is down by throwing its report.
      void reply.code(503).header('x-request-id', request.id).send(thrown.getResponse());
      return;
    }
    const error = this.#precise(toGatewayError(thrown), request);
    const ctx = findContext(request);
    // The caller left, and that ended the work: nobody waits for an answer, and how the request ended was told.
    const isLeft = ctx?.closed === true;
    if (error.code === 'internal_error' && !(isLeft && thrown instanceof GatewayError)) {
      this.#logger.error(error.cause ?? thrown);
    }
    if (isLeft) return;
    if (ctx) {
      ctx.code = error.code;
      ctx.status = error.status;
      ctx.end = error.status < 500 ? 'refused' : 'failed';
    }
    if (reply.raw.headersSent || reply.raw.destroyed) return;
    const headers = {
      ...ctx?.answerHeaders.toObject(),
      ...error.headers,
      'x-request-id': request.id,
      'content-type': JSON_TYPE,
    };
    const body = JSON.stringify({ error: error.toObject() });
    if (error.headers.connection === 'close' && !request.raw.complete) {
      reply.hijack();
      answerAndLinger(request.raw, reply.raw, error.status, headers, body, this.clock);
      return;
    }
    void reply.code(error.status).headers(headers).send(body);
  }

  /** A known path with another method is 405, with what it does take. */
  #precise(error: GatewayError, request: FastifyRequest): GatewayError {
    if (error.code !== 'not_found') return error;
    const methods = this.routes.methodsOf(request.url);
    const where = `${request.method} ${request.url.split('?')[0]?.slice(0, 200) ?? ''}`;
    return methods.length > 0
      ? new GatewayError('method_not_allowed', {
          message: `Not allowed: ${where}`,
          headers: { allow: methods.join(', ') },
        })
      : new GatewayError('not_found', { message: `Unknown request URL: ${where}. Please check the URL for typos.` });
  }
}
