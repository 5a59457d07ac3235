import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { Authenticator } from '../auth/authenticator.js';
import { ChaosControl } from '../chaos/chaos-control.js';
import { ConfigControl } from '../config/config-control.js';
import { ConfigStore } from '../config/config-store.js';
import { Explainer } from '../explain/explainer.js';
import { CLOCK } from '../kernel/tokens.js';
import { EndedFacts } from '../observability/ended-facts.js';
import { FlightRecorder } from '../observability/flight-recorder.js';
import { ProcessLogger } from '../observability/logger.js';
import { QUOTA_STORE } from '../quota/quota.tokens.js';
import { SloTracker } from '../observability/slo-tracker.js';
import { DrainState } from '../resilience/drain-state.js';
import { InFlightRequests } from '../http/in-flight-requests.js';
import { LoadShedding } from '../resilience/load-shedding.js';
import { Overrides } from '../resilience/overrides.js';
import { TargetStates } from '../resilience/target-states.js';
import { AdminGuard } from './admin.guard.js';
import { AttemptShares } from './attempt-shares.js';
import { AuditLog } from './audit-log.js';
import { ChaosController } from './chaos.controller.js';
import { ConfigController } from './config.controller.js';
import { ConsoleController } from './console.controller.js';
import { GatewayStatus } from './gateway-status.js';
import { ObservationsController } from './observations.controller.js';
import { PlaygroundController } from './playground.controller.js';
import { ProvidersController } from './providers.controller.js';
import { QuotaAudit } from './quota-audit.js';
import { QuotaController } from './quota.controller.js';
import { QuotaUsageList } from './quota-usage-list.js';
import { StatusController } from './status.controller.js';
import { TrafficController } from './traffic.controller.js';
import { TrafficWindow } from './traffic-window.js';

/** The operations API, on the operations listener alone. */
@Module({})
export class AdminModule {
  /** What it needs of the public application: the same objects. */
  static readonly SHARED = [
    Authenticator,
    ChaosControl,
    CLOCK,
    ConfigControl,
    ConfigStore,
    DrainState,
    EndedFacts,
    Explainer,
    FlightRecorder,
    InFlightRequests,
    LoadShedding,
    Overrides,
    ProcessLogger,
    QUOTA_STORE,
    SloTracker,
    TargetStates,
  ] as const;

  static with(shared: readonly Provider[]): DynamicModule {
    return {
      module: AdminModule,
      controllers: [
        StatusController,
        TrafficController,
        ConfigController,
        ProvidersController,
        PlaygroundController,
        ConsoleController,
        ObservationsController,
        QuotaController,
        ChaosController,
      ],
      providers: [
        ...shared,
        AdminGuard,
        AttemptShares,
        AuditLog,
        GatewayStatus,
        TrafficWindow,
        QuotaAudit,
        QuotaUsageList,
      ],
    };
  }
}
