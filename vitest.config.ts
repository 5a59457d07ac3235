import { defineConfig } from 'vitest/config';

// Vite reads experimentalDecorators and emitDecoratorMetadata from tsconfig.json itself:
// Nest's constructor injection by type works without a plugin.
export default defineConfig({
  test: {
    include: ['src/**/*.spec.ts', 'test/**/*.spec.ts', 'bench/**/*.spec.ts'],
    environment: 'node',
    globalSetup: ['test/support/build-once.ts'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Two cores carry gateways, upstreams, browsers and the tests: what a stall broke is tried once more, there alone.
    retry: process.env.CI === undefined ? 0 : 1,
  },
});
