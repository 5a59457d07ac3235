import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ChaosControl } from '../chaos/chaos-control.js';
import { GatewayMetrics } from '../observability/gateway-metrics.js';

/** Shows how many experiments run, read when it is scraped. */
@Injectable()
export class ChaosMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly chaos: ChaosControl,
  ) {}

  onModuleInit(): void {
    this.metrics.chaosActive.readFrom(() => [{ labels: {}, value: this.chaos.activeCount }]);
  }
}
