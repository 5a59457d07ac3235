import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { ReadinessIndicator } from './readiness.indicator.js';

/** Liveness and readiness, for probes. */
@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: ReadinessIndicator,
  ) {}

  /** The process answers: nothing outside it is looked at, so that an outage elsewhere restarts no pod. */
  @Get(['v1/health', 'health', 'healthz'])
  @HealthCheck()
  @ApiOperation({ summary: 'Liveness: 200 while the event loop turns' })
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** This process may be sent requests. */
  @Get(['v1/ready', 'ready', 'readyz'])
  @HealthCheck()
  @ApiOperation({ summary: 'Readiness, with the status of each provider' })
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.readiness.gateway(), ...this.readiness.providers()]);
  }
}
