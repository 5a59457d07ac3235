import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from './kernel/clock.js';
import { ConfigError } from './config/config-error.js';
import { loadEnvironment } from './config/env.js';
import { buildSnapshot } from './config/load-snapshot.js';
import { PROVIDER_KINDS } from './config/provider-kinds.js';

/** Checks a gateway file as a start would, and starts nothing: `ok: …` and exit 0, or its problems and exit 1. */
function check(argument: string | undefined): string[] {
  const env = loadEnvironment();
  const file = argument ?? env.CONFIG_PATH;
  const { snapshot, warnings } = buildSnapshot(readFileSync(file, 'utf8'), {
    env,
    baseDir: dirname(file),
    kinds: PROVIDER_KINDS,
    readFile: (path) => readFileSync(path, 'utf8'),
    wallNow: systemClock.wall(),
  });
  const counts = `${snapshot.providers.size} providers, ${snapshot.models.size} models, ${snapshot.keys.length} keys`;
  const anonymous = snapshot.anonymous === undefined ? 'off' : 'on';
  return [
    `ok: ${counts}, anonymous access ${anonymous}, version ${snapshot.version.slice(0, 12)}`,
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}

try {
  process.stdout.write(`${check(process.argv[2]).join('\n')}\n`);
} catch (error) {
  const problems = error instanceof ConfigError ? error.problems : [String(error)];
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exitCode = 1;
}
