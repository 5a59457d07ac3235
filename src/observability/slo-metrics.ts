import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type CounterChild } from './fast-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { SLO_NAMES, SLO_WINDOWS, SloTracker, type SloWindow } from './slo-tracker.js';

/** Shows the objectives as metrics. */
@Injectable()
export class SloMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly tracker: SloTracker,
  ) {}

  onModuleInit(): void {
    const { metrics, tracker } = this;
    const child = (result: string) => {
      const children = SLO_NAMES.map((slo): [string, CounterChild] => [slo, metrics.sloEvents.child({ slo, result })]);
      return new Map(children);
    };
    const events = { good: child('good'), bad: child('bad') };
    tracker.onEvent((slo, good) => events[good ? 'good' : 'bad'].get(slo)?.add());
    metrics.burnRate.readFrom(() =>
      tracker.status().flatMap(({ slo, windows }) =>
        (Object.keys(SLO_WINDOWS) as SloWindow[]).map((window) => ({
          labels: { slo, window },
          value: windows[window].burnRate,
        })),
      ),
    );
    metrics.budgetRemaining.readFrom(() =>
      tracker.status().map(({ slo, errorBudgetRemaining }) => ({ labels: { slo }, value: errorBudgetRemaining })),
    );
  }
}
