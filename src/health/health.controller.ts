import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { DocumentedHealthCheck } from './health.docs.js';
import { ReadinessIndicator } from './readiness.indicator.js';

/** Whether whoever asks may see more than the status. */
export const READINESS_DETAIL = Symbol('READINESS_DETAIL');

/** Liveness and readiness, for probes. */
@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: ReadinessIndicator,
    @Inject(READINESS_DETAIL) private readonly detail: () => boolean,
  ) {}

  /** The process answers: nothing outside it is looked at, so that an outage elsewhere restarts no pod. */
  @Get(['v1/health', 'health', 'healthz'])
  @DocumentedHealthCheck()
  @ApiOperation({ summary: 'Liveness: 200 while the event loop turns' })
  live(): Promise<HealthCheckResult> {
    return this.health.check([]);
  }

  /** This process may be sent requests. One provider that is down is told, and is no reason to send them elsewhere. */
  @Get(['v1/ready', 'ready', 'readyz'])
  @DocumentedHealthCheck()
  @ApiOperation({ summary: 'Readiness, with the status of each provider' })
  async ready(): Promise<Pick<HealthCheckResult, 'status'>> {
    try {
      return this.#told(await this.health.check([() => this.readiness.gateway()]));
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      throw new ServiceUnavailableException(this.#told(error.getResponse() as HealthCheckResult));
    }
  }

  #told(report: HealthCheckResult): Pick<HealthCheckResult, 'status'> {
    if (!this.detail()) return { status: report.status };
    const told: Partial<HealthCheckResult> = { details: { ...report.details, ...this.readiness.providers() } };
    return { ...report, ...told };
  }
}
