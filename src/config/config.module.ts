import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { systemClock } from '../kernel/clock.js';
import { StoreFaults } from '../kernel/store-faults.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { ConfigControl } from './config-control.js';
import { ConfigStore } from './config-store.js';
import { Environment, loadEnvironment } from './env.js';
import { START_TEXT } from './start-text.js';

/**
 * The environment, checked, and the gateway file, loaded: whoever is given a ConfigStore may read `current` in its
 * constructor. A start without a usable file or environment fails with a ConfigError.
 */
@Module({
  imports: [
    ProvidersModule,
    ConfigModule.forRoot({
      isGlobal: false,
      cache: true,
      ignoreEnvFile: true,
      // One member, so that Nest does not write our defaults back into the process' environment.
      validate: (variables) => ({ environment: loadEnvironment(variables as Record<string, string>) }),
    }),
  ],
  providers: [
    StoreFaults,
    {
      provide: Environment,
      inject: [ConfigService],
      useFactory: (config: ConfigService) => config.getOrThrow<Environment>('environment'),
    },
    {
      provide: ConfigStore,
      inject: [Environment, ProviderCatalog, { token: START_TEXT, optional: true }],
      useFactory: async (env: Environment, catalog: ProviderCatalog, startText?: string) => {
        const store = new ConfigStore({ env, kinds: catalog.list(), clock: systemClock });
        await store.load(startText);
        store.onSwap(({ providers }) => catalog.network.retain(providers.values()));
        return store;
      },
    },
    {
      provide: ConfigControl,
      inject: [ConfigStore],
      useFactory: (store: ConfigStore) => new ConfigControl(store, systemClock),
    },
  ],
  exports: [Environment, ConfigStore, ConfigControl, StoreFaults],
})
export class GatewayConfigModule {}
