import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { GatewayMetrics } from '../observability/gateway-metrics.js';
import { LoadShedding } from '../resilience/load-shedding.js';
import { BAND } from '../resilience/priority.js';
import { TargetStates } from '../resilience/target-states.js';

/** Shows how loaded the process is and who waits in it, read when it is scraped. */
@Injectable()
export class LoadMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly load: LoadShedding,
    private readonly states: TargetStates,
    private readonly config: ConfigStore,
  ) {}

  onModuleInit(): void {
    const { metrics, load } = this;
    metrics.shedLevel.readFrom(() => [{ labels: {}, value: load.level }]);
    metrics.openConnections.readFrom(() => [{ labels: {}, value: load.connections }]);
    metrics.memoryLimit.readFrom(() => [{ labels: {}, value: load.memoryLimitBytes }]);
    metrics.queueLength.readFrom(() =>
      Object.entries(BAND).map(([band, number]) => ({ labels: { band }, value: this.#waitingIn(number) })),
    );
    metrics.queueTokens.readFrom(() =>
      [...this.config.current.models.values()].map(({ name, targets }) => ({
        labels: { model: name },
        value: targets.reduce((sum, target) => sum + this.states.of(target).queue.tokens, 0),
      })),
    );
  }

  #waitingIn(band: number): number {
    let waiting = 0;
    for (const { queue } of this.states.all()) waiting += queue.lengthOf(band);
    return waiting;
  }
}
