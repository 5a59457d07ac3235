import { NestFactory } from '@nestjs/core';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module.js';
import { RequestOpening } from './chat/request-opening.js';
import { ConfigStore } from './config/config-store.js';
import { type Environment } from './config/env.js';
import { setUpDocs } from './docs.js';
import { KnownRoutes } from './http/known-routes.js';
import { fastifyAdapter, guardEntrance } from './http/listener.js';
import { systemClock } from './kernel/clock.js';
import { ProcessLogger } from './observability/logger.js';
import { OpsModule } from './ops.module.js';
import { GracefulStop } from './graceful-stop.js';

const CHAT_PATH = '/v1/chat/completions';

/** A gateway that listens. */
export interface RunningGateway {
  readonly publicUrl: string;
  readonly opsUrl: string;
  readonly stop: GracefulStop;
}

/**
 * Starts both listeners.
 * @throws ConfigError, or the error of a port that is taken
 */
export async function startGateway(environment: Environment): Promise<RunningGateway> {
  // Silent until it stands: what goes wrong at a start is told once, by whoever started it.
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, fastifyAdapter(systemClock), {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  });
  const log = app.get(ProcessLogger);
  const config = app.get(ConfigStore);
  const server = app.getHttpAdapter().getInstance();
  app.get(KnownRoutes).watch(server);
  const opening = app.get(RequestOpening);
  guardEntrance(server, CHAT_PATH, (request, reply) => opening.open(request, reply));
  if (environment.NODE_ENV !== 'production') setUpDocs(app);
  server.server.maxConnections = config.current.limits.maxConnections;

  const ops = await NestFactory.create<NestFastifyApplication>(OpsModule.over(app), fastifyAdapter(systemClock), {
    logger: false,
    abortOnError: false,
  });
  ops.get(KnownRoutes).watch(ops.getHttpAdapter().getInstance());

  await ops.listen(environment.OPS_PORT, environment.OPS_HOST);
  await app.listen(environment.PORT, environment.HOST);
  app.useLogger(app.get(Logger));
  for (const warning of config.warnings) log.logger.warn(warning);
  return { publicUrl: urlOf(app), opsUrl: urlOf(ops), stop: new GracefulStop(app, ops, log) };
}

function urlOf(app: NestFastifyApplication): string {
  const address = app.getHttpServer().address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://localhost:${port}`;
}
