import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import { type Logger } from 'pino';
import { ChatModule } from './chat/chat.module.js';
import { HealthModule } from './health/health.module.js';
import { GatewayExceptionFilter } from './http/exception.filter.js';
import { KnownRoutes } from './http/known-routes.js';

/** The public listener: chat, models, health, docs. */
@Module({
  imports: [ChatModule, HealthModule],
  providers: [KnownRoutes, { provide: APP_FILTER, useClass: GatewayExceptionFilter }],
})
export class AppModule {
  /** @param logger the process's logger; its request middleware stays out: the ledger line is written at the end */
  static forRoot(logger: Logger): DynamicModule {
    return { module: AppModule, imports: [LoggerModule.forRoot({ forRoutes: [], pinoHttp: { logger } })] };
  }
}
