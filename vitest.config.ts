import { defineConfig } from 'vitest/config';

// Vite reads experimentalDecorators and emitDecoratorMetadata from tsconfig.json itself:
// Nest's constructor injection by type works without a plugin.
export default defineConfig({
  test: {
    environment: 'node',
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Two cores carry gateways, upstreams, browsers and the tests: what a stall broke is tried once more, there alone.
    retry: process.env.CI === undefined ? 0 : 1,
    projects: [
      {
        extends: true,
        test: {
          name: 'beside the code',
          include: ['src/**/*.spec.ts', 'bench/**/*.spec.ts'],
          // They leave nothing behind in what they import: imported anew for each file, it takes longer than the tests.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'end to end',
          include: ['test/**/*.spec.ts'],
          globalSetup: ['test/support/build-once.ts'],
        },
      },
    ],
  },
});
