import { type DynamicModule, type INestApplication, type InjectionToken, Module, type Provider } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { AdminModule } from './admin/admin.module.js';
import { PUBLIC_ADDRESS, type PublicAddress } from './admin/playground-relay.js';
import { HealthController, READINESS_DETAIL } from './health/health.controller.js';
import { ReadinessIndicator } from './health/readiness.indicator.js';
import { ClockModule } from './http/clock.module.js';
import { GatewayExceptionFilter } from './http/exception.filter.js';
import { KnownRoutes } from './http/known-routes.js';
import { EndedFacts } from './observability/ended-facts.js';
import { GatewayMetrics } from './observability/gateway-metrics.js';
import { MetricsController } from './observability/metrics.controller.js';

/** What the operations listener sees of the public one: the same objects. */
const SHARED = [EndedFacts, GatewayMetrics, ReadinessIndicator] as const;

/** The operations listener: metrics, health, admin. Never shed, and bound to loopback unless told otherwise. */
@Module({})
export class OpsModule {
  static over(app: INestApplication): DynamicModule {
    const instance = (token: InjectionToken): Provider => ({
      provide: token,
      useValue: app.get<unknown>(token as string, { strict: false }),
    });
    const shared = SHARED.map(instance);
    const metrics = PrometheusModule.register({ controller: MetricsController, defaultMetrics: { enabled: false } });
    return {
      module: OpsModule,
      imports: [
        { ...metrics, imports: [ClockModule], providers: [...(metrics.providers ?? []), ...shared] },
        ClockModule,
        TerminusModule.forRoot({ logger: false }),
        AdminModule.with([...AdminModule.SHARED.map(instance), { provide: PUBLIC_ADDRESS, useValue: addressOf(app) }]),
      ],
      controllers: [HealthController],
      providers: [
        ...shared,
        KnownRoutes,
        { provide: READINESS_DETAIL, useValue: () => true },
        { provide: APP_FILTER, useClass: GatewayExceptionFilter },
      ],
    };
  }
}

function addressOf(app: INestApplication): PublicAddress {
  return () => (app.getHttpServer() as Server).address() as AddressInfo;
}
