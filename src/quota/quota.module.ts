import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Logger } from 'nestjs-pino';
import cluster from 'node:cluster';
import { ConfigStore } from '../config/config-store.js';
import { GatewayConfigModule } from '../config/config.module.js';
import { Environment } from '../config/env.js';
import { ClockModule } from '../http/clock.module.js';
import { InFlightModule } from '../http/in-flight.module.js';
import { type Clock } from '../kernel/clock.js';
import { StoreFaults } from '../kernel/store-faults.js';
import { CLOCK } from '../kernel/tokens.js';
import { ulid } from '../kernel/ulid.js';
import { EncodingLoader } from './encoding-loader.js';
import { FaultyQuotaStore } from './faulty-quota-store.js';
import { IpcQuotaStore } from './ipc-quota-store.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Ledger } from './ledger.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { QuotaGuard } from './quota.guard.js';
import { QUOTA_STORE } from './quota.tokens.js';
import { primaryWire } from './primary-wire.js';
import { limitersThatDoNotRefuse } from './quota-self-test.js';
import { type QuotaStore } from './quota-store.js';
import { connectQuotaRedis, firstConnection } from './redis-client.js';
import { RedisQuotaStore } from './redis-quota-store.js';
import { ResilientQuotaStore } from './resilient-quota-store.js';
import { WasteMeter } from './waste-meter.js';

// Not Nest's own logger: it says nothing before the gateway stands, and what is found at the start counts most.
const CONTEXT = 'QuotaStore';

/** The store that start-up chooses: Redis where `REDIS_URL` names one, else this process alone, or the primary of its workers. */
async function createStore(
  config: ConfigStore,
  environment: Environment,
  clock: Clock,
  faults: StoreFaults,
  logger: Logger,
): Promise<QuotaStore> {
  const settings = config.current.quota;
  if (environment.REDIS_URL === undefined && cluster.isWorker)
    return IpcQuotaStore.open(primaryWire(clock), clock, settings);
  const local = new MemoryQuotaStore(clock, settings);
  if (environment.REDIS_URL === undefined) return local;
  // The connection's errors come by the dozen: the mode's change says it once.
  const client = connectQuotaRedis(environment.REDIS_URL, () => undefined);
  const redis = new RedisQuotaStore(client, clock, ulid(clock.wall()), settings);
  const remote = environment.GATEWAY_ALLOW_CHAOS ? new FaultyQuotaStore(redis, faults, clock) : redis;
  const store = new ResilientQuotaStore(remote, local, clock, ({ mode, reason }) => {
    logger.warn({ mode, reason }, 'quota store mode', CONTEXT);
    if (mode === 'shared') void selfTest(remote, clock, logger);
  });
  await firstConnection(client, clock);
  await store.start();
  if (store.mode === 'shared') await selfTest(remote, clock, logger);
  return store;
}

/** A limiter that is configured and never refuses is worse than none: nobody looks. */
async function selfTest(store: QuotaStore, clock: Clock, logger: Logger): Promise<void> {
  try {
    const silent = await limitersThatDoNotRefuse(store, clock);
    if (silent.length > 0) logger.error({ limiters: silent }, 'these limiters do not refuse', CONTEXT);
  } catch (error) {
    logger.warn(error, 'the limiters could not be tested', CONTEXT);
  }
}

@Module({
  imports: [ClockModule, GatewayConfigModule, InFlightModule],
  providers: [
    { provide: QUOTA_STORE, inject: [ConfigStore, Environment, CLOCK, StoreFaults, Logger], useFactory: createStore },
    Ledger,
    EncodingLoader,
    LeaseKeeper,
    QuotaGuard,
    WasteMeter,
  ],
  exports: [QUOTA_STORE, Ledger, LeaseKeeper, QuotaGuard],
})
export class QuotaModule implements OnApplicationShutdown {
  constructor(
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
    private readonly ledger: Ledger,
  ) {}

  /** Every settlement reaches the store before the process ends. */
  async onApplicationShutdown(): Promise<void> {
    await this.ledger.flush();
    await this.store.close();
  }
}
