#!/usr/bin/env node
// Compiles what is stale where the sources are at hand, then runs the command.
import { existsSync } from 'node:fs';

if (existsSync(new URL('../src/cli.ts', import.meta.url))) {
  const { build } = await import('../scripts/build.mjs');
  build();
}
await import('../dist/cli.js');
