import { Body, Controller, Get, Header, HttpCode, Inject, Post, Req, Res, UseGuards, UsePipes } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { ConfigStore } from '../config/config-store.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { CLOCK } from '../kernel/tokens.js';
import { ProcessLogger } from '../observability/logger.js';
import { AdminGuard, adminOf } from './admin.guard.js';
import { LogLevelDto } from './admin.dto.js';
import { adminValidation } from './admin-validation.js';
import { AuditLog } from './audit-log.js';
import { GatewayStatus } from './gateway-status.js';
import { StatusStream } from './status-stream.js';

const MAX_STREAMS = 20;

/** What the process does at the moment. */
@ApiTags('status')
@ApiBearerAuth()
@Controller('admin')
@UseGuards(AdminGuard)
@UsePipes(adminValidation)
export class StatusController {
  readonly #streams = new Set<StatusStream>();

  constructor(
    private readonly status: GatewayStatus,
    private readonly config: ConfigStore,
    private readonly audit: AuditLog,
    private readonly log: ProcessLogger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    // A reader whose key is gone must not read on: each opens its stream anew, and is asked for its key.
    config.onSwap(() => {
      for (const stream of this.#streams) stream.end();
    });
  }

  @Get('status')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Targets with breaker, cool-down, limiter, TTFT and share; requests in flight; drain' })
  read(): unknown {
    return this.status.read();
  }

  @Get('events')
  @ApiOperation({
    summary: 'The status every second, as server-sent events of the type `status`; ends when the configuration changes',
  })
  events(@Res() reply: FastifyReply): void {
    if (this.#streams.size >= MAX_STREAMS) throw new GatewayError('overloaded');
    reply.hijack();
    const stream = new StatusStream(this.clock, reply.raw, () => JSON.stringify(this.status.read()));
    this.#streams.add(stream);
    reply.raw.on('close', () => {
      stream.end();
      this.#streams.delete(stream);
    });
  }

  @Get('keys')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Keys by id with role, limits and budgets; no secrets' })
  keys(): unknown {
    return { keys: this.config.current.keys.map(({ principal }) => principal) };
  }

  @Get('audit-log')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The last 200 changes that operators made, newest first' })
  auditLog(): unknown {
    return { entries: this.audit.entries };
  }

  @Post('log-level')
  @HttpCode(200)
  @ApiOperation({ summary: 'How much the process logs, until it ends' })
  logLevel(@Body() { level }: LogLevelDto, @Req() request: FastifyRequest): unknown {
    const before = this.log.logger.level;
    this.log.logger.level = level;
    this.audit.record(adminOf(request), 'log-level', { from: before, to: level });
    return { level };
  }
}
