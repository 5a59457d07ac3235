import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { PrometheusController } from '@willsoto/nestjs-prometheus';
import { type FastifyReply } from 'fastify';
import { EndedFacts } from './ended-facts.js';
import { type Clock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';
import { exposition } from './exposition.js';
import { GatewayMetrics } from './gateway-metrics.js';

/** The scrape target: text format 0.0.4, or OpenMetrics where the scraper asks for it. */
@Controller()
export class MetricsController extends PrometheusController {
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly facts: EndedFacts,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super();
  }

  @Get()
  override async index(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('accept') accept?: string,
  ): Promise<string> {
    this.facts.flush();
    const { contentType, text } = await exposition(this.metrics.registry, accept, () => this.clock.turn());
    void reply.header('content-type', contentType);
    return text;
  }
}
