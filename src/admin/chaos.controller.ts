import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ChaosControl } from '../chaos/chaos-control.js';
import { type Experiment, experimentSchema } from '../config/chaos-experiment.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { AdminGuard, adminOf } from './admin.guard.js';
import { AuditLog } from './audit-log.js';
import { ExperimentPipe } from './experiment.pipe.js';

const BODY = z.toJSONSchema(experimentSchema, { io: 'input' }) as object;

/** Faults on purpose: in this process, until their time is over. */
@ApiTags('chaos')
@ApiBearerAuth()
@Controller('admin/chaos')
@UseGuards(AdminGuard)
export class ChaosController {
  constructor(
    private readonly chaos: ChaosControl,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Whether experiments are allowed, and those in force' })
  read(): unknown {
    return { enabled: this.chaos.enabled, experiments: this.chaos.list() };
  }

  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiBody({ schema: BODY })
  @ApiOperation({ summary: 'Starts an experiment, in place of one with the same id' })
  start(@Body(ExperimentPipe) experiment: Experiment, @Req() request: FastifyRequest): unknown {
    if (!this.chaos.enabled) {
      throw new GatewayError('permission_denied', {
        message: 'Chaos is off: it needs chaos.enabled in the file and GATEWAY_ALLOW_CHAOS=1.',
      });
    }
    this.chaos.start(experiment, adminOf(request));
    this.audit.record(adminOf(request), 'chaos-start', { ...experiment });
    return this.read();
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Ends one experiment' })
  stop(@Param('id') id: string, @Req() request: FastifyRequest): unknown {
    if (!this.chaos.stop(id)) {
      throw new GatewayError('invalid_value', { message: 'There is no such experiment.', param: 'id' });
    }
    this.audit.record(adminOf(request), 'chaos-stop', { id });
    return this.read();
  }

  @Delete()
  @ApiOperation({ summary: 'The kill switch: ends all experiments' })
  stopAll(@Req() request: FastifyRequest): unknown {
    const ended = this.chaos.stopAll();
    this.audit.record(adminOf(request), 'chaos-kill-switch', { ended });
    return this.read();
  }
}
