import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import { ChatModule } from './chat/chat.module.js';
import { HealthModule } from './health/health.module.js';
import { ClockModule } from './http/clock.module.js';
import { GatewayExceptionFilter } from './http/exception.filter.js';
import { KnownRoutes } from './http/known-routes.js';
import { ProcessLogger } from './observability/logger.js';
import { ObservabilityModule } from './observability/observability.module.js';

/** The public listener: chat, models, health, docs. */
@Module({
  imports: [
    LoggerModule.forRootAsync({
      imports: [ObservabilityModule],
      inject: [ProcessLogger],
      // Its request middleware stays out: the ledger line is written at a request's end, and costs a tenth.
      useFactory: ({ logger }: ProcessLogger) => ({ forRoutes: [], pinoHttp: { logger } }),
    }),
    ChatModule,
    ClockModule,
    HealthModule,
  ],
  providers: [KnownRoutes, { provide: APP_FILTER, useClass: GatewayExceptionFilter }],
})
export class AppModule {}
