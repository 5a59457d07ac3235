import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { GatewayMetrics } from './gateway-metrics.js';
import { ProcessLogger } from './logger.js';

const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

/** How busy the event loop is, since the scrape before, and what the log lost. */
@Injectable()
export class ProcessMetrics implements OnModuleInit, OnModuleDestroy {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #before = performance.eventLoopUtilization();

  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly logger: ProcessLogger,
  ) {}

  onModuleInit(): void {
    this.#delay.enable();
    const dropped = this.metrics.logLinesDropped.child({});
    this.logger.onDropped((lines) => {
      dropped.add(lines);
    });
    this.metrics.loopDelay.readFrom(() => [{ labels: {}, value: this.#takeDelay() }]);
    this.metrics.loopUtilization.readFrom(() => [{ labels: {}, value: this.#takeUtilization() }]);
  }

  onModuleDestroy(): void {
    this.#delay.disable();
  }

  #takeDelay(): number {
    // The histogram holds whole intervals between ticks, of which the resolution itself is no delay.
    const seconds = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / NANOSECONDS - RESOLUTION_MS / 1000;
    this.#delay.reset();
    return Math.max(0, seconds);
  }

  #takeUtilization(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#before);
    this.#before = now;
    return utilization;
  }
}
