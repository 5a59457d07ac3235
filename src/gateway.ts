import { NestFactory } from '@nestjs/core';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyListenOptions } from 'fastify';
import { Logger } from 'nestjs-pino';
import { AuditLog } from './admin/audit-log.js';
import { acceptYaml } from './admin/yaml-body.js';
import { AppModule } from './app.module.js';
import { ChaosControl } from './chaos/chaos-control.js';
import { RequestOpening } from './chat/request-opening.js';
import { type OperatorParts } from './cluster/worker-state.js';
import { ConfigControl } from './config/config-control.js';
import { ConfigStore } from './config/config-store.js';
import { ConfigWatcher } from './config/config-watcher.js';
import { type Environment } from './config/env.js';
import { StartTextModule } from './config/start-text.js';
import { setUpDocs } from './docs.js';
import { ConnectionsPerAddress } from './http/connections-per-address.js';
import { KnownRoutes } from './http/known-routes.js';
import { fastifyAdapter, guardEntrance } from './http/listener.js';
import { systemClock } from './kernel/clock.js';
import { DrainState } from './resilience/drain-state.js';
import { Overrides } from './resilience/overrides.js';
import { LoadShedding } from './resilience/load-shedding.js';
import { EndedFacts } from './observability/ended-facts.js';
import { exposition, OPEN_METRICS } from './observability/exposition.js';
import { GatewayMetrics } from './observability/gateway-metrics.js';
import { ProcessLogger } from './observability/logger.js';
import { OpsModule } from './ops.module.js';
import { GracefulStop } from './graceful-stop.js';

/** A gateway file is the largest that operators send. */
const OPS_BODY_BYTES = 2 * 1024 * 1024;
const CHAT_PATH = '/v1/chat/completions';

/** A gateway that listens. */
export interface RunningGateway extends OperatorParts {
  readonly publicUrl: string;
  readonly opsUrl: string;
  readonly stop: GracefulStop;
  /** The exposition in OpenMetrics; also when everything is closed. */
  readonly metrics: () => Promise<string>;
}

export interface StartOptions {
  /** Where the operations listener is, if not where the environment says. */
  readonly opsAt?: FastifyListenOptions;
  /** Awaited when the operations listener stands, before the public one does. */
  readonly beforePublic?: (parts: OperatorParts) => Promise<void>;
  /** Text of a gateway file to start with, if not the file. */
  readonly configText?: string | undefined;
}

/**
 * Starts both listeners.
 * @throws ConfigError, or the error of a port that is taken
 */
export async function startGateway(environment: Environment, options: StartOptions = {}): Promise<RunningGateway> {
  // Silent until it stands: what goes wrong at a start is told once, by whoever started it.
  const { configText, opsAt, beforePublic } = options;
  const started = configText === undefined ? [] : [StartTextModule.of(configText)];
  const root = { module: AppModule, imports: started };
  const app = await NestFactory.create<NestFastifyApplication>(root, fastifyAdapter(systemClock), {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  });
  const log = app.get(ProcessLogger);
  const config = app.get(ConfigStore);
  const server = app.getHttpAdapter().getInstance();
  app.get(KnownRoutes).watch(server);
  const opening = app.get(RequestOpening);
  guardEntrance(server, CHAT_PATH, (request, reply) => opening.open(request, reply), systemClock);
  const drain = app.get(DrainState);
  // Answers that are written past Fastify, those with content, say so themselves.
  server.addHook('onSend', (_request, reply, payload, done) => {
    if (drain.closesConnections) void reply.header('connection', 'close');
    done(null, payload);
  });
  if (environment.NODE_ENV !== 'production') setUpDocs(app);
  app.get(LoadShedding).watch(server.server);
  new ConnectionsPerAddress().watch(server.server, () => config.current.limits.maxConnectionsPerAddress);
  server.server.maxConnections = config.current.limits.maxConnections;

  const ops = await NestFactory.create<NestFastifyApplication>(
    OpsModule.over(app),
    fastifyAdapter(systemClock, OPS_BODY_BYTES),
    {
      logger: false,
      abortOnError: false,
    },
  );
  ops.get(KnownRoutes).watch(ops.getHttpAdapter().getInstance());
  acceptYaml(ops.getHttpAdapter().getInstance());
  setUpDocs(ops, 'Operations of the gateway', 'Metrics, health, and what operators see and change.');

  const control = app.get(ConfigControl);
  const parts: OperatorParts = {
    config: control,
    watcher: watcherOf(environment.CONFIG_PATH, control, log),
    overrides: app.get(Overrides),
    chaos: app.get(ChaosControl),
    log,
    audit: ops.get(AuditLog, { strict: false }),
  };
  await ops.listen(opsAt ?? { port: environment.OPS_PORT, host: environment.OPS_HOST });
  await beforePublic?.(parts);
  await app.listen(environment.PORT, environment.HOST);
  app.useLogger(app.get(Logger));
  for (const warning of config.warnings) log.logger.warn(warning);
  // It ends with the process: it keeps nothing alive.
  parts.watcher.start();
  const { registry } = app.get(GatewayMetrics);
  const facts = app.get(EndedFacts);
  return {
    publicUrl: urlOf(app),
    opsUrl: urlOf(ops),
    stop: new GracefulStop(app, ops, log, systemClock),
    ...parts,
    metrics: async () => {
      facts.flush();
      return (await exposition(registry, OPEN_METRICS, () => systemClock.turn())).text;
    },
  };
}

function watcherOf(path: string, control: ConfigControl, log: ProcessLogger): ConfigWatcher {
  return new ConfigWatcher({
    path,
    clock: systemClock,
    onChange: (text) => void control.reload('file', text),
    onError: (error) => log.logger.error({ msg: 'the configuration is no longer watched', reason: error.message }),
  });
}

function urlOf(app: NestFastifyApplication): string {
  const address = app.getHttpServer().address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://localhost:${port}`;
}
